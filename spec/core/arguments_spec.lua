--- No public function is left out of the table of arguments that are refused (spec/agent/arguments_test.c).

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("the arguments of public functions", function()
  it("are all in the table", function()
    local table_text, missing, count = read "spec/agent/arguments_test.c", {}, 0
    for header in io.popen "ls runtime/include/perilune/*.h":lines() do
      for name in read(header):gmatch "PRL_API [^;]-(prl_[%w_]+)%(" do
        count = count + 1
        if not table_text:find(name .. "[^%w_]") then missing[#missing + 1] = name end
      end
    end
    assert.same({}, missing)
    assert.is_true(count > 60)
  end)
end)
