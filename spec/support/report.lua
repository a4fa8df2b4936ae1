--- What `train` gives a run, by which its report is written.
local page = require "perilune.report.page"
local prl = require "perilune"

return function(run) return page.write(run, prl.io.write) end
