--- What commands ask of a training, and its lock, for users who may only read, and where what was asked for is taken back.
local posix = require "posix"
local files = require "support.files"
local prl = require "perilune"
local failure = require "perilune.failure"
local locks = require "perilune.trainer.locks"
local requests = require "perilune.trainer.requests"

describe("the lock of a training", function()
  local root

  before_each(function()
    root = files.folder()
    posix.chmod(root, "rwxrwxrwx")
  end)

  -- What fn says in another process, of a user who owns nothing of it.
  local function to_another(fn)
    local path = root .. "/said"
    local pid = posix.fork()
    if pid == 0 then
      if posix.geteuid() == 0 then posix.setpid("u", 65534) end
      local ok, said = xpcall(fn, failure.handler)
      local file = io.open(path, "w")
      file:write(ok and tostring(said) or said.message)
      file:close()
      posix._exit(0)
    end
    posix.wait(pid)
    local text = assert(prl.io.read(path))
    os.remove(path)
    return text
  end

  it("is seen by who may only read, and it is said where it cannot be", function()
    local function at_work() return to_another(function()
      local found, why = requests.at_work(root)
      return ("%s %s"):format(tostring(found), tostring(why))
    end) end
    assert.equal("false nil", at_work())
    local lock = locks.take(root, ".lock")
    posix.chmod(root .. "/.lock", "r--r--r--")
    assert.equal("true nil", at_work())
    posix.chmod(root .. "/.lock", "---------")
    assert.equal(("nil %s/.lock: Permission denied"):format(root), at_work())
    locks.release(lock)
    posix.chmod(root .. "/.lock", "r--r--r--")
    assert.equal("false nil", at_work())
  end)

  it("is named where it cannot be taken", function()
    locks.release(locks.take(root, ".lock"))
    posix.chmod(root .. "/.lock", "r--r--r--")
    assert.equal(("cannot lock %s/.lock: Permission denied"):format(root), to_another(function() locks.take(root, ".lock") end))
  end)
end)
