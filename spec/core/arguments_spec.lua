--- No public function is left out of the table of arguments that are refused (spec/agent/arguments_test.c).

local files = require "support.files"

describe("the arguments of public functions", function()
  it("are all in the table", function()
    local table_text, missing, count = files.read "spec/agent/arguments_test.c", {}, 0
    for _, header in ipairs(files.lines "ls runtime/include/perilune/*.h") do
      for name in files.read(header):gmatch "PRL_API [^;]-(prl_[%w_]+)%(" do
        count = count + 1
        if not table_text:find(name .. "[^%w_]") then missing[#missing + 1] = name end
      end
    end
    assert.same({}, missing)
    assert.is_true(count > 60)
  end)
end)
