--- The style and the script that every report carries, and the charting library, taken from where Debian puts it.

local assets = {}

local colors = 12 -- --c1 to --c12 of the style: as many as shortvideo has responses

--- The colour of the i-th of several lines.
function assets.color(i) return (i - 1) % colors + 1 end

assets.style = [==[
:root { --bg: #ffffff; --card: #f6f6fa; --ink: #1d1e2c; --soft: #5d6075; --rule: #dfe0ea; --accent: #4556c8;
  --c1: #4556c8; --c2: #c2571a; --c3: #15803d; --c4: #a21caf; --c5: #0e7490; --c6: #92660a;
  --c7: #b91c1c; --c8: #475569; --c9: #4d7c0f; --c10: #be185d; --c11: #7c4a2d; --c12: #1d4e89; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #14151d; --card: #1d1e2a; --ink: #e8e9f2; --soft: #a2a5ba; --rule: #383b4f; --accent: #97a5ff;
    --c1: #97a5ff; --c2: #f5a66b; --c3: #6fd08c; --c4: #e28cf0; --c5: #5cc9de; --c6: #e3c05f;
    --c7: #f58a8a; --c8: #b6c2d6; --c9: #b5d96b; --c10: #f78bb8; --c11: #d3a583; --c12: #78bdf0; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 28px 20px 60px; max-width: 1120px; background: var(--bg);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 44px 0 6px; padding-top: 14px; border-top: 1px solid var(--rule); }
p { margin: 6px 0; }
a { color: var(--accent); }
.lead, .note, .unit { color: var(--soft); }
.note { font-size: .88rem; margin: 4px 0 0; }
.unit { font-size: .85rem; }
code, pre { font: .86rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { overflow-wrap: anywhere; }
pre { background: var(--card); border-radius: 8px; padding: 14px 16px; overflow-x: auto; margin: 10px 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); gap: 12px; margin: 22px 0 6px; }
.figures > div { background: var(--card); border-radius: 10px; padding: 12px 16px; }
.figures b { display: block; font-size: 1.4rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums;
  letter-spacing: -0.01em; }
.figures b small { font-size: .9rem; font-weight: 500; color: var(--soft); white-space: nowrap; }
.figures span { color: var(--soft); font-size: .86rem; }
.figures .main { background: var(--accent); color: var(--bg); }
.figures .main span, .figures .main small { color: inherit; opacity: .85; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 26px 28px;
  margin: 16px 0; }
.charts.dense { grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 22px 24px; }
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; margin-bottom: 4px;
  min-height: 1.6rem; }
.legend { font-size: .86rem; font-variant-numeric: tabular-nums; margin-left: auto; display: flex; flex-wrap: wrap;
  gap: 0 12px; }
.key::before { content: ""; display: inline-block; width: 12px; height: 3px; border-radius: 2px; margin: 0 5px 4px 0;
  background: currentColor; vertical-align: middle; }
.c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); }
.c7 { color: var(--c7); } .c8 { color: var(--c8); } .c9 { color: var(--c9); }
.c10 { color: var(--c10); } .c11 { color: var(--c11); } .c12 { color: var(--c12); }
.plot { width: 100%; aspect-ratio: 2 / 1; position: relative; }
figure.wide .plot { aspect-ratio: 3 / 1; min-height: 210px; }
.plot svg { width: 100%; height: 100%; display: block; }
.plot svg text { font-size: 12px; fill: var(--soft); }
/* A drawing is scaled to its width: units of its text by which letters are as large as those beside it. */
.axis-plot svg text { font-size: calc(13px * 460 / 640); }
.dense .plot svg text { font-size: calc(13px * 460 / 340); }
.wide .plot svg text { font-size: calc(13px * 230 / 360); }
.plot .grid { stroke: var(--rule); stroke-width: 1; }
.plot .line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.plot .band { fill: currentColor; opacity: .16; }
.plot .dot { fill: currentColor; }
.plot .mark { stroke: var(--c2); stroke-width: 1.2; stroke-dasharray: 4 3; }
.plot .axis { stroke: var(--soft); stroke-width: 1; }
.plot .zero, .front .zero, .groups .zero { stroke: var(--soft); stroke-width: 1; }
.front, .groups { width: 100%; display: block; }
.front { max-width: 660px; }
.groups { max-width: 620px; }
.front text { font-size: calc(13px * 460 / 660); fill: var(--soft); }
.groups text { font-size: calc(13px * 460 / 620); fill: var(--soft); }
.front .name { font-weight: 600; fill: currentColor; paint-order: stroke; stroke: var(--bg); stroke-width: 4px;
  stroke-linejoin: round; }
.front .grid, .groups .grid { stroke: var(--rule); stroke-width: 1; }
.front .dot, .groups .dot { fill: currentColor; }
.bar-thick { stroke: currentColor; stroke-width: 2; stroke-linecap: round; }
.bar-thin { stroke: currentColor; stroke-width: 1; opacity: .55; }
.front-line { fill: none; stroke: var(--soft); stroke-width: 1.6; stroke-linejoin: round; }
.csoft { color: var(--soft); }
.pairs { width: 100%; max-width: 620px; display: block; }
.pairs text { font-size: calc(13px * 460 / 620); fill: var(--soft); }
.pairs .zero { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.pairs .pair { fill: var(--soft); opacity: .55; }
.pairs .interval { stroke: var(--accent); stroke-width: 3; stroke-linecap: round; }
.pairs .mean { fill: var(--accent); }
h3 { font-size: 1rem; margin: 22px 0 4px; }
.dygraph-axis-label { color: var(--soft); font-size: 13px; }
.scroll { overflow-x: auto; margin: 12px 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; font-size: .86rem; vertical-align: bottom; }
tbody th { font-weight: 600; overflow-wrap: break-word; }
.many table, .many th, .many td { display: block; width: auto; }
.many thead { display: none; }
.many tbody { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 0 28px; }
.many tr { display: block; border-bottom: 1px solid var(--rule); padding: 10px 0; }
.many tbody th { border: 0; padding: 0 0 4px; font-size: 1rem; }
.many td { border: 0; padding: 2px 0; display: flex; justify-content: space-between; gap: 16px; text-align: right; }
.many td::before { content: attr(data-label); color: var(--soft); text-align: left; }
.n { text-align: right; white-space: nowrap; }
.share { white-space: nowrap; }
.bar { display: inline-block; width: 90px; height: 8px; border-radius: 4px; background: var(--rule); margin-right: 8px;
  vertical-align: middle; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); }
details { margin: 10px 0; }
summary { cursor: pointer; color: var(--accent); padding: 4px 0; }
.warn { border-left: 4px solid var(--c2); background: var(--card); border-radius: 0 8px 8px 0; padding: 10px 14px;
  margin: 16px 0; }
footer { margin-top: 48px; color: var(--soft); font-size: .86rem;
  border-top: 1px solid var(--rule); padding-top: 12px; }
@media (max-width: 620px) {
  body { padding: 18px 16px 40px; }
  h1 { font-size: 1.5rem; }
  .figures { grid-template-columns: 1fr 1fr; gap: 10px; }
  .figures b { font-size: 1.15rem; }
  .figures .main { grid-column: 1 / -1; }
  .figures .main b { font-size: 1.5rem; }
  figure.wide .plot { aspect-ratio: 2 / 1; }
  .plot svg text, .axis-plot svg text, .dense .plot svg text, .wide .plot svg text,
  .front text, .groups text, .pairs text { font-size: 15px; }
  .cards table, .cards tbody, .cards tr, .cards th, .cards td { display: block; width: auto; }
  .cards thead { display: none; }
  .cards tr { border-bottom: 1px solid var(--rule); padding: 10px 0; }
  .cards tbody th { border: 0; padding: 0 0 4px; font-size: 1rem; }
  .cards td { border: 0; padding: 2px 0; display: flex; justify-content: space-between; gap: 16px; text-align: right;
    white-space: normal; }
  .cards td.n { white-space: nowrap; }
  .cards td::before { content: attr(data-label); color: var(--soft); text-align: left; white-space: normal; }
}
@media print { body { max-width: none; } details > * { display: block; } }
]==]

assets.script = [==[
(function () {
  "use strict";
  var source = document.getElementById("charts");
  if (!source || !window.Dygraph) return;
  var charts = JSON.parse(source.textContent, function (key, value) { return value === false ? null : value; });
  var graphs = [], busy = false;

  function color(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function short(v) {
    var a = Math.abs(v);
    function unit(scaled, u) { return +scaled.toPrecision(3) + " " + u; }
    if (a >= 999.5e6) return unit(v / 1e9, "G");
    if (a >= 999.5e3) return unit(v / 1e6, "M");
    if (a >= 1e4) return unit(v / 1e3, "k");
    return String(+v.toPrecision(4)).replace("-", "\u2212");
  }
  function number(v) {
    var a = Math.abs(v);
    if (a !== 0 && (a < 1e-4 || a >= 1e9)) return v.toExponential(2);
    return (a >= 1000 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(4))).replace("-", "\u2212");
  }
  function legend(chart, figure, graph, row) {
    var old = figure.querySelector(".legend");
    var box = document.createElement("span");
    box.className = "legend";
    if (row >= 0) {
      var at = document.createElement("span");
      at.textContent = short(graph.getValue(row, 0)) + (chart.axis === "steps" ? "" : " " + chart.axis);
      box.appendChild(at);
    }
    chart.labels.forEach(function (label, i) {
      var value = row >= 0 ? graph.getValue(row, i + 1) : null;
      if (row < 0 && chart.labels.length < 2) return;
      var key = document.createElement("span");
      key.className = "key c" + chart.colors[i];
      key.textContent = label + (value ? " " + number(value[1]) : "");
      box.appendChild(key);
    });
    if (old) old.replaceWith(box); else figure.querySelector("figcaption").appendChild(box);
  }
  function nearest(graph, x) {
    var low = 0, high = graph.numRows() - 1;
    while (high - low > 1) {
      var middle = (low + high) >> 1;
      if (graph.getValue(middle, 0) <= x) low = middle; else high = middle;
    }
    return high >= 0 && Math.abs(graph.getValue(high, 0) - x) < Math.abs(graph.getValue(low, 0) - x) ? high : low;
  }
  // Pointing at one chart shows the same step in all of them that have the same axis.
  function point(x, axis) {
    if (busy) return;
    busy = true;
    graphs.forEach(function (g) {
      if (axis && g.chart.axis !== axis) return;
      if (x === null) g.graph.clearSelection();
      else g.graph.setSelection(nearest(g.graph, x));
      legend(g.chart, g.figure, g.graph, x === null ? -1 : nearest(g.graph, x));
    });
    busy = false;
  }
  function draw() {
    graphs.forEach(function (g) { g.graph.destroy(); });
    graphs = charts.map(function (chart) {
      var plot = document.getElementById(chart.id), figure = plot.parentNode;
      plot.textContent = "";
      var graph = new Dygraph(plot, chart.rows, {
        labels: [chart.axis].concat(chart.labels), customBars: true, legend: "never", connectSeparatedPoints: true,
        colors: chart.colors.map(function (c) { return color("--c" + c); }), fillAlpha: 0.16, strokeWidth: 1.8,
        drawPoints: chart.rows.length <= 40, pointSize: 2.5, highlightCircleSize: 4, rightGap: 14,
        gridLineColor: color("--rule"), gridLineWidth: 1, axisLineColor: color("--rule"), xRangePad: 2, valueRange: chart.range,
        axisLabelFontSize: 13, animatedZooms: false,
        interactionModel: matchMedia("(pointer: coarse)").matches ? {} : Dygraph.defaultInteractionModel,
        axes: { x: { axisLabelFormatter: short, drawGrid: false, pixelsPerLabel: 52 },
                y: { axisLabelFormatter: short, axisLabelWidth: 50, pixelsPerLabel: 26 } },
        underlayCallback: function (canvas, area, graph) {
          canvas.strokeStyle = color("--c2");
          canvas.setLineDash([4, 3]);
          (chart.marks || []).forEach(function (x) {
            var at = graph.toDomXCoord(x);
            canvas.beginPath();
            canvas.moveTo(at, area.y);
            canvas.lineTo(at, area.y + area.h);
            canvas.stroke();
          });
          canvas.setLineDash([]);
        },
        highlightCallback: function (event, x) { point(x, chart.axis); },
        unhighlightCallback: function () { point(null); }
      });
      return { chart: chart, figure: figure, graph: graph };
    });
    point(null);
  }
  // A finger that rests on a chart reads it; dragging sideways moves the reading, up and down scrolls the page.
  document.addEventListener("touchstart", touch, { passive: true });
  document.addEventListener("touchmove", touch, { passive: true });
  function touch(event) {
    var plot = event.target.closest && event.target.closest(".plot");
    if (!plot) return;
    graphs.forEach(function (g) {
      if (g.figure === plot.parentNode) {
        point(g.graph.toDataXCoord(event.touches[0].clientX - plot.getBoundingClientRect().left), g.chart.axis);
      }
    });
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
]==]

local function read(path)
  local file = io.open(path, "r")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

--- The charting library's script and style. Where the package is not installed the reports keep their still drawings.
function assets.library()
  local folder = os.getenv("PERILUNE_DYGRAPHS") or "/usr/share/javascript/dygraphs"
  local script, style = read(folder .. "/dygraph.min.js"), read(folder .. "/dygraph.min.css")
  if not script then return "", "" end
  return (script:gsub("//# sourceMappingURL=%S+", "")), (style or ""):gsub("/%*# sourceMappingURL=[^*]*%*/", "")
end

return assets
