// Notifications in this browser while the page is closed: a subscription of its own push service, made known to the house.
import { tell } from "./frame.js";
import { mine } from "./phone_self.js";
import { say } from "./words.js";

const WORKER = "/static/js/phone_worker.js";
const DEVICE = "browser";

/** Subscribe, once the person allows it; what stands in the way is said in words. */
export async function subscribe() {
  try {
    if (!("PushManager" in window)) throw new Error("Push API");
    const allowed = await Notification.requestPermission();
    if (allowed !== "granted") throw new Error(say("push_not_allowed"));
    const { body } = await mine("GET", "/v1/push/key");
    const registration = await navigator.serviceWorker.register(WORKER);
    const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: body.key });
    await mine("PUT", `/v1/devices/${DEVICE}`, { body: { platform: "web", subscription: made.toJSON() } });
    tell(say("push_on"));
  } catch (error) {
    tell(say("push_off", { problem: error.words ?? error.message }), { wrong: true });
  }
}
