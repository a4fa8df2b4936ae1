--- What comparisons and sweeps train: a recipe, or a script with a loop of its own (prl.run), which is asked what it is in a
--- process of its own.

local prl = require "perilune"
local pool = require "perilune.trainer.pool"
local records = require "perilune.records"
local script = require "perilune.trainer.script"
local scripts = require "perilune.script"

local source = {}

local function last_line(path)
  local last
  for line in (prl.io.read(path) or ""):gmatch("[^\n]+") do last = line:match("^perilune: (.*)") or last or line end
  return last
end

local function ask(path, set)
  local answer = os.tmpname()
  local words = {path, "--describe", answer}
  for _, text in ipairs(set or {}) do
    words[#words + 1] = "--set"
    words[#words + 1] = text
  end
  local code
  local log = answer .. ".log"
  pool.run({{words = words, log = log}}, 1, function(_, _, ended) code = ended end)
  local said = last_line(log)
  local text = prl.io.read(answer)
  os.remove(log)
  os.remove(answer)
  if code ~= 0 then return nil, said or ("%s ended with code %s"):format(path, tostring(code)) end
  if not text or text == "" then return nil, path .. ": the script ended without a call of prl.run" end
  local described, message = records.parse(text, "script")
  if not described then return nil, ("%s: what it says of itself: %s"):format(path, message) end
  return described
end

--- As prl.recipe.load: a loaded recipe, or what is known of a script in the same form; or nil and one sentence. options: set,
--- seed, trust.
function source.load(path, options)
  if not scripts.is(path) then return prl.recipe.load(path, options) end
  if not options.trust then return nil, path .. ": a script is code: it runs only with --trust" end
  local said, message = ask(path, options.set)
  if not said then return nil, message end
  return script.loaded(path, said)
end

return source
