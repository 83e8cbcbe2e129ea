// A picture out of a file, as the browser reads it: { width, height, rgb } with rgb (3, height, width) in [0, 1].

const LARGEST_FILE = 64e6; // bytes
const LONGEST = 1024; // px; larger pictures are read at this size: the data's images are far smaller

const UNREADABLE = "This file is no picture that the browser can read; choose a PNG, JPEG, GIF or WebP.";

export async function readPicture(file) {
  if (file.size > LARGEST_FILE)
    throw new Error(`This file is larger than ${LARGEST_FILE / 1e6} MB; choose a smaller picture.`);
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(UNREADABLE);
  });
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.round(n * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { width, height, rgb: opaque(context.getImageData(0, 0, width, height).data, width * height) };
}

// Transparent parts become white behind dark ink, black behind bright.
function opaque(data, plane) {
  let [light, cover] = [0, 0];
  for (let i = 0; i < plane; i++) {
    light += data[4 * i + 3] * (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]);
    cover += data[4 * i + 3] * 3 * 255;
  }
  const behind = light > 0.5 * cover ? 0 : 1;
  const rgb = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    const alpha = data[4 * i + 3] / 255;
    for (let c = 0; c < 3; c++)
      rgb[c * plane + i] = alpha === 1 ? data[4 * i + c] / 255 : (alpha * data[4 * i + c]) / 255 + (1 - alpha) * behind;
  }
  return rgb;
}
