/** A plot as SVG: boards on a logarithmic axis, bytes on a linear one that begins at 0. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [boards: number, bytes: number])[];
}

const [width, height, left, right, top, bottom] = [640, 340, 70, 20, 40, 60];
const title = "What a finalized batch costs a board, by the size of the fleet";
const colours = ["#1f6feb", "#d1570c"];

export function plot(series: readonly Series[]): string {
  const points = series.flatMap((each) => each.points);
  const [least, most] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const highest = niceAbove(Math.max(...points.map(([, y]) => y)));
  const x = (boards: number) =>
    left + ((width - left - right) * Math.log(boards / least)) / Math.max(1e-9, Math.log(most / least));
  const y = (bytes: number) => height - bottom - ((height - top - bottom) * bytes) / highest;
  const lines = [0, 0.25, 0.5, 0.75, 1].map((part) => part * highest);
  const sizes = [...new Set(points.map(([boards]) => boards))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="22" font-size="14">${title}</text>`,
    ...lines.flatMap((bytes) => [
      `<line x1="${left}" x2="${width - right}" y1="${round(y(bytes))}" y2="${round(y(bytes))}" stroke="#ddd"/>`,
      `<text x="${left - 8}" y="${round(y(bytes) + 4)}" text-anchor="end">${bytes.toLocaleString("en")}</text>`,
    ]),
    ...sizes.map(
      (boards) =>
        `<text x="${round(x(boards))}" y="${height - bottom + 18}" text-anchor="middle">${boards.toLocaleString("en")}</text>`,
    ),
    `<text x="${width - right}" y="${height - bottom + 34}" text-anchor="end">boards</text>`,
    ...series.flatMap((each, index) => [
      `<polyline fill="none" stroke="${colours[index]}" stroke-width="2"${index > 0 ? ' stroke-dasharray="6 4"' : ""} points="${each.points
        .map(([boards, bytes]) => `${round(x(boards))},${round(y(bytes))}`)
        .join(" ")}"/>`,
      ...each.points.map(
        ([boards, bytes]) =>
          `<circle cx="${round(x(boards))}" cy="${round(y(bytes))}" r="3.5" fill="${colours[index]}"/>`,
      ),
      `<text x="${left}" y="${height - 24 + 16 * index}" fill="${colours[index]}">${each.name}</text>`,
    ]),
    "</svg>",
    "",
  ].join("\n");
}

function niceAbove(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / step) * step;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
