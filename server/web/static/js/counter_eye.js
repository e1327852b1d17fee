// The camera on the page: its button, what stands against it, which one of several, and its light.
import { faultOf, openCamera } from "./counter_camera.js";
import { wish, wishFor } from "./counter_wishes.js";
import { el, fill, find } from "./dom.js";
import { say } from "./words.js";

/** Open the camera, and say what stands against it; a till whose camera worked once opens it by itself. */
export async function startCamera(scanned) {
  const video = find("#video");
  find("#start").setAttribute("aria-busy", "true");
  video.hidden = false; // before it begins: who reads the picture needs it drawn
  try {
    const camera = await openCamera(video, scanned, { device: wish("device") });
    if (document.activeElement === find("#start")) find("#main").focus({ preventScroll: true });
    find("#start").hidden = true;
    find("#camera-fault").hidden = true;
    wishFor("camera", "1");
    await offerCameras(camera);
  } catch (error) {
    video.hidden = true;
    fault(error);
    wishFor("camera", "0");
  } finally {
    find("#start").removeAttribute("aria-busy");
  }
}

function fault(error) {
  fill(find("#camera-fault"), say(faultOf(error)));
  find("#camera-fault").hidden = false;
}

async function offerCameras(camera) {
  const [cameras, torch] = await Promise.all([camera.cameras(), camera.torch()]);
  const choice = find("#device");
  find("#device-label").hidden = cameras.length < 2;
  fill(choice, cameras.map(({ id, label }, place) => el("option", { value: id, selected: id === wish("device") }, label || `${place + 1}`)));
  choice.onchange = () => {
    wishFor("device", choice.value);
    camera.choose(choice.value).then(() => offerCameras(camera), fault);
  };
  const light = find("#torch");
  light.hidden = torch === null;
  light.onclick = async () => light.setAttribute("aria-pressed", String(await torch()));
}
