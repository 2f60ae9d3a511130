"""The style sheet of vseg's HTML pages, light and dark."""

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --panel: #ffffff; --ink: #1a1e24;
  --faint: #5d6673; --line: #d9dee5; --lane: #e9ecf1; --risk: #d3382f; --calm: #2b7a4b;
  --accepted: #2b7a4b; --mark: #1a1e24; }
@media (prefers-color-scheme: dark) { :root { --ground: #14161a; --panel: #1c1f25;
  --ink: #e3e7ec; --faint: #98a1ae; --line: #2e333c; --lane: #2a2e36; --risk: #ff6a5e;
  --calm: #5cc98a; --accepted: #5cc98a; --mark: #f2f4f7; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 28px 24px 48px; background: var(--ground);
  color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 32px 0 10px; }
h3 { font-size: 15px; margin: 0; font-weight: 600; overflow-wrap: anywhere; }
p { margin: 6px 0; } .faint { color: var(--faint); } .small { font-size: 13px; }
code { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 14px 16px; margin: 0 0 14px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); gap: 10px;
  margin: 16px 0 0; }
.fact { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 9px 12px; }
.fact b { display: block; font-size: 20px; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.fact span { color: var(--faint); font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr));
  gap: 14px; padding: 0; margin: 16px 0; list-style: none; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; }
.card img { width: 100%; border-radius: 0; }
.card div { padding: 9px 12px 12px; }
.badge { float: right; margin-left: 8px; font-weight: 600; color: var(--risk);
  font-variant-numeric: tabular-nums; }
.strip { display: grid; gap: 6px; padding-top: 10px;
  grid-template-columns: repeat(auto-fill, minmax(100px, 1fr)); }
.strip figure { margin: 0; }
.strip img { width: 100%; }
figcaption { font-size: 12px; color: var(--faint); padding-top: 3px;
  font-variant-numeric: tabular-nums; }
figure.worst img { outline: 2px solid var(--risk); outline-offset: -2px; }
figure.worst figcaption { color: var(--risk); font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--faint); font-size: 13px; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; }
.scroll { overflow-x: auto; } .scroll > svg { min-width: 720px; }
.swatch { display: inline-block; width: 11px; height: 11px; margin-right: 7px;
  vertical-align: -1px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
svg text.faint { fill: var(--faint); } .lane { fill: var(--lane); }
.grid { stroke: var(--line); stroke-width: 1; } .cut { stroke: var(--faint);
  stroke-width: 1; stroke-dasharray: 3 3; }
.risk { fill: var(--risk); } .accepted { fill: var(--accepted); }
.anchor { fill: var(--panel); stroke: var(--mark); stroke-width: 1.5; }
.event, .given { stroke: var(--mark); stroke-width: 1.5; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 8px 0 0; font-size: 13px;
  color: var(--faint); } .legend svg { display: inline-block; width: 22px; height: 12px;
  margin-right: 6px; vertical-align: -1px; }
@media print { body { max-width: none; } .panel, .card, .fact { break-inside: avoid; } }
"""
