// Reading codes from a camera: by the browser's own detector where it works, else by qr-scanner; never more than one at a time.

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
  return { x: (video.videoWidth - side) / 2, y: (video.videoHeight - side) / 2, width: side, height: side, downScaledWidth: scaled, downScaledHeight: scaled };
}

/**
 * Open a camera on a video element: `hear(text)` is called for each code that is seen (again and again while it is seen).
 * Answers {stop, cameras, choose, torch}; raises what the browser says where there is none or it may not be used.
 */
export async function openCamera(video, hear, { device } = {}) {
  const own = await detector();
  return own ? byDetector(own, video, hear, device) : byScanner(video, hear, device);
}

async function byScanner(video, hear, device) {
  const { default: Scanner } = await import("/static/vendor/qr-scanner/qr-scanner.min.js");
  const options = { returnDetailedScanResult: true, preferredCamera: device || "environment", maxScansPerSecond: 1000 / EVERY_MS };
  const scanner = new Scanner(video, (found) => hear(found.data), { ...options, calculateScanRegion: middle, onDecodeError: () => {} });
  await scanner.start();
  return {
    stop: () => scanner.destroy(),
    cameras: async () => (await Scanner.listCameras(false)).map(({ id, label }) => ({ id, label })),
    choose: (id) => scanner.setCamera(id),
    torch: async () => ((await scanner.hasFlash()) ? () => scanner.toggleFlash().then(() => scanner.isFlashOn()) : null),
  };
}

async function byDetector(own, video, hear, device) {
  let stream = null;
  let running = true;
  const choose = async (id) => {
    const wanted = id ? { deviceId: { exact: id } } : { facingMode: "environment" };
    const next = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 } }, audio: false });
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = next;
    await video.play();
  };
  await choose(device);
  (async () => {
    while (running) {
      const found = video.readyState >= 2 ? await own.detect(video).catch(() => []) : [];
      if (running && found.length) hear(found[0].rawValue);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return {
    stop: () => {
      running = false;
      stream?.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
    },
    cameras: async () => (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === "videoinput").map(({ deviceId, label }) => ({ id: deviceId, label })),
    choose,
    torch: async () => torchOf(stream),
  };
}

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
