// The mask: one byte a pixel at the picture's own resolution; 255 will change, 0 stays.

const UNDO_LIMIT = 60;
const UNDO_BYTES = 200e6;

/** The mask's pixels and the shapes that set them. Hard edges: a pixel is in a shape when its centre is. */
class Mask {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
    this.past = [];
    this.future = [];
  }

  /** [left, top, right, bottom) within the picture. */
  clip(left, top, right, bottom) {
    return [
      Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top)),
      Math.min(this.width, Math.ceil(right)), Math.min(this.height, Math.ceil(bottom)),
    ];
  }

  copy([left, top, right, bottom]) {
    const rows = new Uint8Array(Math.max(0, right - left) * Math.max(0, bottom - top));
    for (let y = top; y < bottom; y++)
      rows.set(this.pixels.subarray(y * this.width + left, y * this.width + right), (y - top) * (right - left));
    return rows;
  }

  paste([left, top, right, bottom], rows) {
    for (let y = top; y < bottom; y++)
      this.pixels.set(rows.subarray((y - top) * (right - left), (y - top + 1) * (right - left)), y * this.width + left);
  }

  /** Starts a step that one undo takes back; the whole mask is kept once, so that a stroke may go anywhere. */
  begin() {
    this.before = this.pixels.slice();
    this.touched = null;
  }

  touch(box) {
    const t = this.touched;
    this.touched = t ? [Math.min(t[0], box[0]), Math.min(t[1], box[1]), Math.max(t[2], box[2]), Math.max(t[3], box[3])] : box;
  }

  end() {
    const box = this.touched;
    if (box && box[0] < box[2] && box[1] < box[3]) {
      const now = this.pixels;
      this.pixels = this.before;
      const rows = this.copy(box);
      this.pixels = now;
      this.past.push({ box, rows });
      const weight = () => this.past.reduce((sum, step) => sum + step.rows.length, 0);
      while (this.past.length > UNDO_LIMIT || (this.past.length > 1 && weight() > UNDO_BYTES)) this.past.shift();
      this.future = [];
    }
    this.before = null;
    return box;
  }

  step(from, to) {
    const kept = from.pop();
    if (!kept) return null;
    to.push({ box: kept.box, rows: this.copy(kept.box) });
    this.paste(kept.box, kept.rows);
    return kept.box;
  }

  undo() { return this.step(this.past, this.future); }
  redo() { return this.step(this.future, this.past); }

  /** Every pixel whose centre is within `radius` of the segment. */
  line(x0, y0, x1, y1, radius, value) {
    const box = this.clip(Math.min(x0, x1) - radius, Math.min(y0, y1) - radius, Math.max(x0, x1) + radius + 1, Math.max(y0, y1) + radius + 1);
    const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
    for (let y = box[1]; y < box[3]; y++)
      for (let x = box[0]; x < box[2]; x++) {
        const px = x + 0.5 - x0, py = y + 0.5 - y0;
        const t = length ? Math.max(0, Math.min(1, (px * dx + py * dy) / length)) : 0;
        const ex = px - t * dx, ey = py - t * dy;
        if (ex * ex + ey * ey <= radius * radius) this.pixels[y * this.width + x] = value;
      }
    this.touch(box);
    return box;
  }

  rectangle(left, top, right, bottom, value) {
    const box = this.clip(Math.round(Math.min(left, right)), Math.round(Math.min(top, bottom)), Math.round(Math.max(left, right)), Math.round(Math.max(top, bottom)));
    for (let y = box[1]; y < box[3]; y++) this.pixels.fill(value, y * this.width + box[0], y * this.width + box[2]);
    this.touch(box);
    return box;
  }

  /** Inside by the even-odd rule, at pixel centres. */
  polygon(points, value) {
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
    const box = this.clip(Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1);
    for (let y = box[1]; y < box[3]; y++) {
      const cuts = [];
      for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
        const [xi, yi] = points[i], [xj, yj] = points[j], cy = y + 0.5;
        if (yi > cy !== yj > cy) cuts.push(((xj - xi) * (cy - yi)) / (yj - yi) + xi);
      }
      cuts.sort((a, b) => a - b);
      for (let i = 0; i + 1 < cuts.length; i += 2)
        for (let x = Math.max(box[0], Math.ceil(cuts[i] - 0.5)); x < Math.min(box[2], cuts[i + 1] - 0.5 + 1e-9); x++)
          this.pixels[y * this.width + x] = value;
    }
    this.touch(box);
    return box;
  }

  all(change) {
    for (let i = 0; i < this.pixels.length; i++) this.pixels[i] = change(this.pixels[i]);
    const box = [0, 0, this.width, this.height];
    this.touch(box);
    return box;
  }

  replace(pixels) {
    this.pixels.set(pixels);
    const box = [0, 0, this.width, this.height];
    this.touch(box);
    return box;
  }

  /** Everything within `radius` pixels of the mask joins it; edges become hard. */
  grow(radius) { return this.spread(radius, (value) => value > 127); }

  /** Everything within `radius` pixels of what stays leaves the mask. The picture's own edge takes nothing away. */
  shrink(radius) {
    this.spread(radius, (value) => value <= 127);
    return this.all((value) => 255 - value);
  }

  /** Sets the pixels within a disc of what `inside` says: the distance along the row first, then over the rows. */
  spread(radius, inside) {
    const { width, height } = this, far = radius + 1, rows = new Uint8Array(width * height).fill(far);
    for (let y = 0; y < height; y++) {
      let gap = far;
      for (let x = 0, at = y * width; x < width; x++, at++) rows[at] = gap = inside(this.pixels[at]) ? 0 : Math.min(far, gap + 1);
      gap = far;
      for (let x = width - 1, at = y * width + x; x >= 0; x--, at--) rows[at] = gap = Math.min(rows[at], Math.min(far, gap + 1));
    }
    const reach = Array.from({ length: radius + 1 }, (_, dy) => Math.floor(Math.sqrt(radius * radius - dy * dy)));
    for (let y = 0; y < height; y++)
      for (let x = 0, at = y * width; x < width; x++, at++) {
        let hit = false;
        for (let dy = 0; dy <= radius && !hit; dy++)
          hit = (y >= dy && rows[at - dy * width] <= reach[dy]) || (y + dy < height && rows[at + dy * width] <= reach[dy]);
        this.pixels[at] = hit ? 255 : 0;
      }
    const box = [0, 0, width, height];
    this.touch(box);
    return box;
  }

  /** Softens the edge: three running means, which are close to a Gaussian. */
  feather(radius) {
    for (let pass = 0; pass < 3; pass++) {
      this.mean(Math.ceil(radius / 2), this.height, this.width, this.width, 1);
      this.mean(Math.ceil(radius / 2), this.width, this.height, 1, this.width);
    }
    const box = [0, 0, this.width, this.height];
    this.touch(box);
    return box;
  }

  /** The running mean over 2 * reach + 1 pixels of every line; the picture's edge pixels go on outside. */
  mean(reach, lines, length, lineStep, step) {
    const line = new Uint8Array(length), span = 2 * reach + 1;
    for (let number = 0; number < lines; number++) {
      const start = number * lineStep;
      for (let i = 0; i < length; i++) line[i] = this.pixels[start + i * step];
      const at = (i) => line[Math.max(0, Math.min(length - 1, i))];
      let sum = 0;
      for (let i = -reach; i <= reach; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        this.pixels[start + i * step] = Math.round(sum / span);
        sum += at(i + reach + 1) - at(i - reach);
      }
    }
  }

  share() {
    let count = 0;
    for (const value of this.pixels) count += value >> 7;
    return count / this.pixels.length;
  }
}

/** A mask's pixels (255 will change) from a picture's file, whose clear pixels will change; null for another size. */
async function maskFrom(data, width, height) {
  const bitmap = await createImageBitmap(new Blob([data]), { premultiplyAlpha: "none" });
  if (bitmap.width !== width || bitmap.height !== height) return null;
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const source = context.getImageData(0, 0, width, height).data;
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - source[4 * i + 3];
  return pixels;
}

/** The mask as a PNG's bytes: alpha 0 where the picture will change, else 255. */
async function asPng(mask) {
  const canvas = make("canvas", { width: mask.width, height: mask.height });
  const context = canvas.getContext("2d");
  const data = context.createImageData(mask.width, mask.height);
  for (let i = 0; i < mask.pixels.length; i++) data.data[4 * i + 3] = 255 - mask.pixels[i];
  context.putImageData(data, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  return blob.arrayBuffer();
}
