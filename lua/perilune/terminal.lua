--- What commands print. Names and messages may come from a recipe, a log or a run's folder, which anyone may have written:
--- control characters, which a terminal would obey, are shown as Lua writes them in a text, "\027", and so is what breaks lines or turns
--- the direction of text (U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069).

local prl = require "perilune"

local terminal = {}

local function shown(bytes)
  return (bytes:gsub(".", function(c) return ("\\%03d"):format(c:byte()) end))
end

local obeyed = {"^\194[\128-\159]", "^\216\156", "^\226\128[\142\143\168-\174]", "^\226\129[\166-\169]"}

local function is_obeyed(run)
  for _, pattern in ipairs(obeyed) do
    if run:find(pattern) then return true end
  end
  return false
end

-- A lead byte of UTF-8, or none, and the bytes that continue it: what is no character, or a control character, is shown.
local function high(run)
  local lead = run:byte()
  local length = lead >= 240 and 4 or lead >= 224 and 3 or lead >= 192 and 2 or 0
  if length == 0 or #run < length or is_obeyed(run) then return shown(run) end
  return run:sub(1, length) .. shown(run:sub(length + 1))
end

--- The text with its control characters shown, but for the ends of lines and tabs.
function terminal.escape(text)
  return (text:gsub("[\192-\255]?[\128-\191]*", function(run) return run ~= "" and high(run) or nil end)
    :gsub("[%z\1-\8\11-\31\127]", shown))
end

local function joined(...)
  local texts = {...}
  for i, text in ipairs(texts) do texts[i] = tostring(text) end
  return terminal.escape(table.concat(texts))
end

--- Texts to standard output; to standard error.
function terminal.out(...) io.stdout:write(joined(...)) end
function terminal.err(...) io.stderr:write(joined(...)) end

--- Data to standard output as one line of JSON, whose own escapes stand for the few control characters that it allows.
function terminal.json(value)
  local text = prl.to_json(value):gsub("\127", "\\u007f"):gsub("\194([\128-\159])", function(c)
    return ("\\u%04x"):format(c:byte())
  end)
  io.stdout:write(text, "\n")
end

--- The line in place on a terminal: another text for it, or none.
function terminal.line(text) io.stderr:write("\r\27[K", text and terminal.escape(text) or "") end

return terminal
