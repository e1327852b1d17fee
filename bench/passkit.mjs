// passkit-generator in its own best way: one template with the images and the certificates, one clone for each pass.
// Reads {certificate, key, wwdr, images, seconds} as JSON, writes {count, cpu_s, elapsed_s, sample} as JSON.
import { readFileSync } from "node:fs";
import { PKPass } from "passkit-generator";

const given = JSON.parse(readFileSync(0, "utf-8"));
const images = Object.fromEntries(
  Object.entries(given.images).map(([name, data]) => [name, Buffer.from(data, "base64")]),
);
const template = new PKPass(
  images,
  { signerCert: given.certificate, signerKey: given.key, wwdr: given.wwdr },
  {
    description: "Coffee on us",
    organizationName: given.brand,
    passTypeIdentifier: given.passType,
    teamIdentifier: given.team,
    serialNumber: "0",
  },
);
template.type = "coupon";

async function build(number) {
  const pass = await PKPass.from(template, { serialNumber: String(number) });
  pass.type = "coupon";
  pass.primaryFields.push({ key: "offer", value: "Coffee on us", label: "At Marktplatz" });
  pass.auxiliaryFields.push({
    key: "until",
    value: given.until,
    label: "Until",
    dateStyle: "PKDateStyleShort",
    timeStyle: "PKDateStyleShort",
  });
  pass.backFields.push({ key: "terms", value: "One small coffee, until 11 o'clock.", label: "Terms" });
  pass.setBarcodes({ message: given.code, format: "PKBarcodeFormatQR", messageEncoding: "iso-8859-1" });
  return pass.getAsBuffer();
}

let sample = await build(0); // what is compiled and read once is not counted
const begun = process.hrtime.bigint();
const cpu = process.cpuUsage();
let count = 0;
while (Number(process.hrtime.bigint() - begun) < given.seconds * 1e9) sample = await build(++count);
const { user, system } = process.cpuUsage(cpu);
const elapsed_s = Number(process.hrtime.bigint() - begun) / 1e9;
console.log(JSON.stringify({ count, cpu_s: (user + system) / 1e6, elapsed_s, sample: sample.toString("base64") }));
