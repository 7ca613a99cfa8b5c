// How times are shown.

/** To a tenth, for what is short. */
export const seconds = (time) =>
  time > 0 && time < 0.1 ? "< 0.1 s" : time < 10 ? `${time.toFixed(1)} s` : length(time);

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
