--- The records in a run's folder. The folder may come from anybody: every file is checked against its schema
--- (records/schema.lua) before anything of it is used, and what is wrong is one sentence with the file and the path in it.
---
---     local info = records.read("runs/…/run.json", "run")            -- nil where there is no such file
---     local metrics = records.table("runs/…/metrics.csv", "metrics") -- {names, columns, rows}, or nil
---
--- A record says what is to be done and never does it: a file of code that it names runs only with --trust
--- (trainer/folder.lua).

local failure = require "perilune.failure"
local prl = require "perilune"
local checks = require "perilune.recipe.check"
local csv = require "perilune.records.csv"
local schema = require "perilune.records.schema"
local text_of = require "perilune.records.text"

local records = {}

local most_bytes = 2 ^ 28 -- of a JSON file

--- The record in a JSON text, or nil and what is wrong with it. kind: run, state, lift, groups or front; nil where another
--- schema checks its data.
function records.parse(text, kind)
  local data, message = prl.from_json(text)
  if data == nil then return nil, message or "no data" end
  if not kind then return data end
  local record, refusal = checks.run({}, function(check) return check.option(schema[kind], data, "") end)
  if record then return record end
  return nil, (refusal.path ~= "" and refusal.path .. ": " or "") .. refusal.message
end

--- The same of a JSON file; nil where there is no such file.
function records.read(path, kind)
  local text = text_of(path, most_bytes)
  if not text then return nil end
  local record, message = records.parse(text, kind)
  if record == nil then failure.run(("%s: %s"):format(path, message)) end
  return record
end

--- The table in a CSV file; nil where there is no such file. kind: metrics, evaluations or trials.
function records.table(path, kind)
  local found = csv.read(path)
  if not found then return nil end
  local message = schema.table_refusal(schema.tables[kind], found)
  if message then failure.run(("%s: %s"):format(path, message)) end
  return found
end

return records
