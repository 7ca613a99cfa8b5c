// How numbers are shown: colours of identities, and times.

/** The colour of an identity: always the same, far in hue from the ids next to it. */
export function colourOf(id, light = 58) {
  return `hsl(${((id * 0.6180339887) % 1) * 360} 78% ${light + [0, -6, 4][id % 3]}%)`;
}

/** Dark or white, whichever can be read on the colour of an identity. */
export function inkOn(id) {
  const hue = ((id * 0.6180339887) % 1) * 360;
  return hue > 205 && hue < 345 || hue < 12 ? "#fff" : "#0b0f14";
}

/** To a tenth, for what is short. */
export const seconds = (time) => (time < 10 ? `${time.toFixed(1)} s` : length(time));

export function length(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    const rest = Math.floor(seconds % 60);
    return rest ? `${minutes}:${String(rest).padStart(2, "0")} min` : `${minutes} min`;
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Seconds since the track was seen, frames where nobody knows how long these take. */
export function gapOf({ gap, gap_s: time }) {
  if (!gap) return "–";
  return time === null ? `${gap} frames` : seconds(time);
}
