// Reading codes from a camera: by the browser's own detector where it works, else by qr-scanner. The stream is ours either way,
// so that why it did not open is known.

const EVERY_MS = 120;

/** The browser's detector, if it has one that really detects (some have the class and no service behind it). */
async function detector() {
  if (!("BarcodeDetector" in window)) return null;
  try {
    const found = new window.BarcodeDetector({ formats: ["qr_code"] });
    const sheet = document.createElement("canvas");
    sheet.width = sheet.height = 8;
    sheet.getContext("2d").fillRect(0, 0, 8, 8);
    await found.detect(sheet);
    return found;
  } catch {
    return null;
  }
}

/** The middle of the picture as a square, in as much detail as a dense code needs. */
function middle(video) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  const scaled = Math.min(side, 720);
  const at = { x: (video.videoWidth - side) / 2, y: (video.videoHeight - side) / 2 };
  return { ...at, width: side, height: side, downScaledWidth: scaled, downScaledHeight: scaled };
}

/**
 * Open a camera on a video element: `hear(text)` is called for each code that is seen (again and again while it is seen).
 * Answers {cameras, choose, torch}; raises what the browser says where there is none or it may not be used.
 */
export async function openCamera(video, hear, { device } = {}) {
  let stream = null;
  const choose = async (id) => {
    const wanted = id ? { deviceId: { exact: id } } : { facingMode: "environment" };
    const next = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 } }, audio: false });
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = next;
    await video.play();
  };
  await choose(device).catch((error) => (device ? choose() : Promise.reject(error))); // the one that was chosen may be gone
  const own = await detector();
  await (own ? detect(own, video, hear) : scan(video, hear));
  return { cameras, choose, torch: () => torchOf(stream) };
}

function detect(own, video, hear) {
  const look = async () => {
    const found = video.readyState >= 2 && !document.hidden ? await own.detect(video).catch(() => []) : [];
    if (found.length) hear(found[0].rawValue);
    setTimeout(look, EVERY_MS);
  };
  look();
}

async function scan(video, hear) {
  const { default: Scanner } = await import("/static/vendor/qr-scanner/qr-scanner.min.js");
  const options = { returnDetailedScanResult: true, maxScansPerSecond: 1000 / EVERY_MS, calculateScanRegion: middle };
  const scanner = new Scanner(video, (found) => hear(found.data), { ...options, onDecodeError: () => {} });
  video.pause(); // it begins to read when the picture begins to play
  await scanner.start();
}

async function cameras() {
  const found = await navigator.mediaDevices.enumerateDevices();
  return found.filter((each) => each.kind === "videoinput").map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/** What turns the light on and off, and answers which; null where there is none. */
function torchOf(stream) {
  const [track] = stream.getVideoTracks();
  if (!track.getCapabilities?.().torch) return null;
  let on = false;
  return async () => {
    on = !on;
    await track.applyConstraints({ advanced: [{ torch: on }] });
    return on;
  };
}

/** Why a camera did not open, as a word of the page. */
export function faultOf(error) {
  if (!window.isSecureContext) return "camera_insecure";
  const name = error?.name ?? "";
  if (name === "NotAllowedError" || name === "SecurityError") return "camera_refused";
  if (name === "NotReadableError") return "camera_busy";
  return "camera_absent";
}
