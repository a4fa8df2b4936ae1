--- Numbers as people read them.

local format = {}

--- About four significant digits, without needless zeros: 0.01234, 12.3, 1,234, 1.2e-07.
function format.number(value)
  if value == nil then return "–" end
  if value ~= value then return "not a number" end
  if value == math.huge then return "∞" elseif value == -math.huge then return "−∞" end
  local size = math.abs(value)
  local text
  if size ~= 0 and (size < 1e-4 or size >= 1e9) then
    text = ("%.3g"):format(value)
  elseif size >= 1000 then
    text = format.grouped(value)
  else
    text = ("%.4g"):format(value)
  end
  return (text:gsub("^%-", "−"))
end

--- A whole number with its thousands apart: 307,200.
function format.grouped(value)
  local text = ("%.0f"):format(math.abs(value))
  text = text:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return (value <= -0.5 and "−" or "") .. text
end

--- 1 seed, 2 seeds.
function format.plural(count, noun)
  return ("%s %s%s"):format(format.grouped(count), noun, count == 1 and "" or "s")
end

--- A count in short: 950, 12.5 k, 3 M.
function format.count(value)
  local function short(scaled, unit)
    return (("%.3g"):format(scaled)) .. " " .. unit
  end
  local size = math.abs(value)
  if size >= 999.5e6 then return short(value / 1e9, "G") end
  if size >= 999.5e3 then return short(value / 1e6, "M") end
  if size >= 9999.5 then return short(value / 1e3, "k") end
  return format.grouped(value)
end

--- Bytes as 13.6 GB.
function format.bytes(bytes)
  local units, unit = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"}, 1
  while bytes >= 999.95 and unit < #units do bytes, unit = bytes / 1000, unit + 1 end
  return (unit == 1 and "%.0f %s" or "%.1f %s"):format(bytes, units[unit])
end

--- Seconds as 4.2 s, 1 min 05 s, 2 h 10 min.
function format.duration(seconds)
  if seconds < 10 then return ("%.1f s"):format(seconds) end
  if seconds < 59.5 then return ("%.0f s"):format(seconds) end
  if seconds < 3600 then
    local whole = math.floor(seconds + 0.5)
    return ("%d min %02d s"):format(math.floor(whole / 60), whole % 60)
  end
  local minutes = math.floor(seconds / 60 + 0.5)
  return ("%d h %02d min"):format(math.floor(minutes / 60), minutes % 60)
end

--- A share in percent: 0.025 as "2.5 %".
function format.share(value) return ("%.4g %%"):format(100 * value) end

--- A mean with the half width of its interval, both to the digit that the width deserves: −151.2 ± 4.1.
function format.with_error(mean, half)
  if not half or half ~= half or half == 0 then return format.number(mean) end
  local digits = 1 - math.floor(math.log(half) / math.log(10))
  digits = math.max(0, math.min(digits, 6))
  local text = ("%%.%df ± %%.%df"):format(digits, digits):format(mean, half)
  return (text:gsub("^%-", "−"))
end

-- Characters of a UTF-8 text.
local function width(text) return select(2, text:gsub("[^\128-\191]", "")) end

local gap, widest = 3, 160

-- Where the columns after the first are cut, so that lines are no wider than `widest`: [{first, last}].
local function blocks(widths)
  local list, wide = {{2, math.max(#widths, 1)}}, widths[1] or 0
  for i = 2, #widths do
    local block = list[#list]
    wide = wide + gap + widths[i]
    if wide > widest and i > block[1] then
      block[2], list[#list + 1], wide = i - 1, {i, #widths}, widths[1] + gap + widths[i]
    end
  end
  return list
end

--- Rows of texts as lines with aligned columns: the first to the left, the others to the right. What is too wide goes on below, each
--- time with the first column.
function format.columns(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, width(cell)) end
  end
  for _, block in ipairs(blocks(widths)) do
    for _, row in ipairs(rows) do
      local cells = {row[1] .. (" "):rep(widths[1] - width(row[1]))}
      for i = block[1], math.min(block[2], #row) do cells[#cells + 1] = (" "):rep(widths[i] - width(row[i])) .. row[i] end
      lines[#lines + 1] = "  " .. table.concat(cells, (" "):rep(gap)):gsub("%s+$", "")
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return format
