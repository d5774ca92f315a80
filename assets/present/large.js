// A chart of the live view, made readable from the last row. Nothing here touches the page.

/** Texts, lines and margins `scale` times as large; nothing answers to the mouse. */
export function enlarged({ traces, layout }, scale) {
  const grown = (length) => Math.round(length * scale * 10) / 10;
  const font = (given) => ({ ...given, size: grown(given.size) });
  const line = (given) => given && { ...given, width: grown(given.width) };
  return {
    traces: traces.map((trace) => ({
      ...trace,
      hoverinfo: "skip",
      hovertemplate: undefined,
      ...(trace.line && { line: line(trace.line) }),
      ...(trace.marker && { marker: { ...trace.marker, size: grown(trace.marker.size) } }),
    })),
    layout: {
      ...layout,
      hovermode: false,
      font: font(layout.font),
      margin: Object.fromEntries(Object.entries(layout.margin).map(([side, length]) => [side, grown(length)])),
      annotations: (layout.annotations || []).map((one) => ({ ...one, font: font(one.font) })),
      shapes: (layout.shapes || []).map((one) => ({ ...one, line: line(one.line) })),
    },
  };
}
