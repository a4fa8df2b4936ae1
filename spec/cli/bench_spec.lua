--- `perilune bench` prints rows that programs can read; what they say is never tested.
local cjson = require "cjson"
local posix = require "posix"

local executable = require("support.command").path

local function run(words, variables)
  local file = assert(io.popen(("%s %s bench %s 2>&1; echo $?"):format(variables or "", executable, words)))
  local text = file:read("*a")
  file:close()
  local out, code = text:match("^(.-)(%d+)\n$")
  return out, tonumber(code)
end

describe("perilune bench", function()
  it("says what it takes", function()
    local out, code = run "--help"
    assert.equal(0, code)
    assert.truthy(out:find("--data FOLDER", 1, true))
  end)

  local cpu = io.open("/proc/cpuinfo"):read("*a")
  local built = posix.stat(executable .. "_bench") and cpu:find("avx2")

  it("prints a JSON object a line", function()
    if not built then return pending "perilune_bench is not built here, or the processor has no AVX2" end
    local out, code = run "program_overhead steady_allocations"
    assert.equal(0, code, out)
    local count = 0
    for line in out:gmatch("[^\n]+") do
      local row = cjson.decode(line)
      assert.truthy(row.name == "program_overhead" or row.name == "steady_allocations", line)
      assert.equal("string", type(row.case))
      assert.equal("string", type(row.unit))
      assert.equal("number", type(row.value))
      if row.name == "steady_allocations" then assert.equal(0, row.value, line) end
      count = count + 1
    end
    assert.equal(5, count)
  end)

  it("takes the widest kernels for its yardsticks, whatever the environment says, or those that are asked for", function()
    if not built then return pending "perilune_bench is not built here, or the processor has no AVX2" end
    local wide = cpu:find("avx512f") and cpu:find("avx512dq") and cpu:find("avx512bw") and cpu:find("avx512vl")
    local variables = "PERILUNE_KERNELS=baseline OPENBLAS_CORETYPE=%s LIBXSMM_TARGET=wsm OPENBLAS_L2_SIZE=512"
    local function kernels(core, words)
      local out, code = run("program_overhead" .. (words or ""), variables:format(core))
      assert.equal(0, code, out)
      return cjson.decode(out).kernels
    end
    local best = kernels "Haswell"
    assert.truthy(best:find(wide and "^own avx512, OpenBLAS %w+, " or "^own avx2, OpenBLAS Haswell, libxsmm "), best)
    if wide then assert.is_nil(best:find("Haswell", 1, true), best) end
    assert.is_nil(best:find("wsm", 1, true), best)
    assert.truthy(kernels("Nehalem", " --kernels avx2"):find("^own avx2, OpenBLAS Haswell, libxsmm "))
    local out, code = run "--kernels sse9"
    assert.equal(1, code)
    assert.truthy(out:find('the kernels "sse9" are not for this processor or not timed; use avx2 or avx512', 1, true), out)
  end)

  it("refuses a row that it does not have, and names the nearest and those that it has", function()
    if not built then return pending "perilune_bench is not built here, or the processor has no AVX2" end
    local out, code = run "gemm_65"
    assert.equal(2, code)
    assert.truthy(out:find('there is no row "gemm_65"; the nearest is "gemm_64"; there are peak gemm_16 ', 1, true), out)
  end)
end)
