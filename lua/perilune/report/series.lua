--- Series of a run: reading metrics.csv, and thinning a series to what a screen can show.

local series = {}

--- Reads a CSV of numbers with a header: {names = {…}, columns = {name = {…}}, rows = n}. Empty cells are NaN. A last
--- line that was cut (fewer cells than the header) is left out. Returns nil and a message for a file that cannot be
--- read or holds no header.
function series.read(path)
  local file, message = io.open(path, "r")
  if not file then return nil, message end
  local header = file:read("*l")
  if not header then
    file:close()
    return nil, path .. ": empty; a header line was expected"
  end
  local names, columns = {}, {}
  for name in (header .. ","):gmatch("([^,]*),") do
    names[#names + 1] = name
    columns[name] = {}
  end
  local rows = 0
  for line in file:lines() do
    local cells, count = {}, 0
    for cell in (line .. ","):gmatch("([^,]*),") do
      count = count + 1
      cells[count] = tonumber(cell) or 0 / 0
    end
    if count == #names then
      rows = rows + 1
      for i, name in ipairs(names) do columns[name][rows] = cells[i] end
    end
  end
  file:close()
  return {names = names, columns = columns, rows = rows}
end

--- At most `limit` buckets of equally many points: a list of {x = the last x, mean, low, high}, without the points
--- whose y is NaN. Every extreme of the series is kept, as the low or high of its bucket.
function series.thin(xs, ys, limit)
  local px, py, n = {}, {}, 0
  for i = 1, #xs do
    local y = ys[i]
    if y and y == y and math.abs(y) < math.huge then
      n = n + 1
      px[n], py[n] = xs[i], y
    end
  end
  local buckets = {}
  local count = math.min(n, limit)
  local first = 1
  for b = 1, count do
    local last = math.floor(b * n / count)
    local sum, low, high = 0, math.huge, -math.huge
    for i = first, last do
      sum = sum + py[i]
      low, high = math.min(low, py[i]), math.max(high, py[i])
    end
    buckets[b] = {x = px[last], mean = sum / (last - first + 1), low = low, high = high}
    first = last + 1
  end
  return buckets
end

--- What a table shows of a series: first, last, low, high, and the mean of its last tenth; nil where it is empty.
function series.summary(ys)
  local kept = {}
  for i = 1, #ys do
    if ys[i] == ys[i] then kept[#kept + 1] = ys[i] end
  end
  if #kept == 0 then return nil end
  local low, high = math.huge, -math.huge
  for i = 1, #kept do low, high = math.min(low, kept[i]), math.max(high, kept[i]) end
  local from = #kept - math.max(1, math.floor(#kept / 10)) + 1
  local sum = 0
  for i = from, #kept do sum = sum + kept[i] end
  return {first = kept[1], last = kept[#kept], low = low, high = high, late = sum / (#kept - from + 1), n = #kept}
end

return series
