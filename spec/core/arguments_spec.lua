--- No public function is left out of the tables of arguments that are refused (spec/*/*_arguments_test.c).

local files = require "support.files"

describe("the arguments of public functions", function()
  it("are all in a table", function()
    local tables, missing, count = "", {}, 0
    for _, path in ipairs(files.lines "ls spec/*/*_arguments_test.c") do tables = tables .. files.read(path) end
    for _, header in ipairs(files.lines "ls runtime/include/perilune/*.h") do
      for name in files.read(header):gmatch "PRL_API [^;]-(prl_[%w_]+)%(" do
        count = count + 1
        if not tables:find(name .. "[^%w_]") then missing[#missing + 1] = name end
      end
    end
    assert.same({}, missing)
    assert.is_true(count > 60)
  end)
end)
