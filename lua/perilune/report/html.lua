--- HTML by small functions: text is escaped, markup is a value of its own, so that neither is taken for the other.

local prl = require "perilune"

local html = {}

local Markup = {}
Markup.__index = Markup
Markup.__tostring = function(self) return self.text end

local escapes = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;"}

--- Text for an element or an attribute.
function html.escape(text) return (tostring(text):gsub("[&<>\"']", escapes)) end

--- A text that is markup already.
function html.raw(text) return setmetatable({text = text}, Markup) end

local function render(item, out)
  if item == nil or item == false then return end
  if getmetatable(item) == Markup then
    out[#out + 1] = item.text
  elseif type(item) == "table" then
    for i = 1, table.maxn(item) do render(item[i], out) end
  else
    out[#out + 1] = html.escape(item)
  end
end

local void = {meta = true, br = true, line = true, path = true, polyline = true, circle = true, rect = true}

--- An element: html.tag("td", {class = "n"}, "3 < 4"). Attributes in order of their names; children are texts, markup
--- and lists of these; nil and false are left out.
function html.tag(name, attributes, ...)
  local out, names = {"<", name}, {}
  for key in pairs(attributes or {}) do names[#names + 1] = key end
  table.sort(names)
  for _, key in ipairs(names) do
    local value = attributes[key]
    if value == true then
      out[#out + 1] = " " .. key
    elseif value ~= false then
      out[#out + 1] = (' %s="%s"'):format(key, html.escape(value))
    end
  end
  if void[name] then
    out[#out + 1] = (name == "meta" or name == "br") and ">" or "/>"
    return html.raw(table.concat(out))
  end
  out[#out + 1] = ">"
  for i = 1, select("#", ...) do render((select(i, ...)), out) end
  out[#out + 1] = "</" .. name .. ">"
  return html.raw(table.concat(out))
end

--- Data for the page's script, with keys in order. "<" is written as an escape, so that no text can end the element.
function html.json(id, value)
  local text = prl.to_json(value):gsub("<", "\\u003c")
  return html.tag("script", {type = "application/json", id = id}, html.raw(text))
end

local most_columns = 9 -- of a table beside another

--- A table: columns = {{title, class}, …}, rows = lists of cells. Each cell knows its column's title, so that a narrow
--- screen can show a row as a card; so are the rows of a table that is too wide for any.
function html.table(columns, rows)
  local head, body = {}, {}
  for _, column in ipairs(columns) do
    head[#head + 1] = html.tag("th", {class = column[2] or false, scope = "col"}, column[1])
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, column in ipairs(columns) do
      local kind = i == 1 and "th" or "td"
      cells[i] = html.tag(kind, {class = column[2] or false, ["data-label"] = column[1], scope = i == 1 and "row"},
        row[i] == nil and "–" or row[i])
    end
    body[#body + 1] = html.tag("tr", nil, cells)
  end
  return html.tag("div", {class = #columns > most_columns and "many" or "scroll"},
    html.tag("table", nil, html.tag("thead", nil, html.tag("tr", nil, head)), html.tag("tbody", nil, body)))
end

--- A table whose rows become cards on a narrow screen. A column may be a text: then it holds numbers, but for the first
--- `left` (1) of them.
function html.cards(columns, rows, left)
  local made = {}
  for i, column in ipairs(columns) do
    made[i] = type(column) == "table" and column or {column, i > (left or 1) and "n" or ""}
  end
  return html.tag("div", {class = "cards"}, html.table(made, rows))
end

--- The whole document: one file that needs no other. `scripts` are JavaScript sources.
function html.page(title, styles, body, scripts)
  local parts = {
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n",
    "<title>", html.escape(title), "</title>\n<style>\n", table.concat(styles, "\n"), "\n</style>\n</head>\n<body>\n",
  }
  render(body, parts)
  for _, script in ipairs(scripts) do
    parts[#parts + 1] = "\n<script>\n" .. script:gsub("</[sS][cC][rR]", "<\\/scr") .. "\n</script>"
  end
  parts[#parts + 1] = "\n</body>\n</html>\n"
  return table.concat(parts)
end

return html
