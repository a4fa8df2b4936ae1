--- Files that specs make of their own go away (spec/support/files.lua; scratch.h beside it for C tests).
local posix = require "posix"
local files = require "support.files"

describe("files of a spec's own", function()
  it("are removed when its file ends, also after a failure", function()
    local made, spec = files.path(), files.path() .. "_spec.lua"
    local file = assert(io.open(spec, "w"))
    file:write(([[
      local files = require "support.files"
      local folder = files.folder()
      it("fails", function()
        local file = assert(io.open(%q, "w"))
        file:write(folder, "\n", files.write "text" .. "\n")
        file:close()
        assert(io.open(folder .. "/beside", "w")):close()
        error "as it must"
      end)]]):format(made))
    file:close()
    local out = table.concat(files.lines(("busted --output=plainTerminal '%s' 2>&1"):format(spec)), "\n")
    assert.truthy(out:find("as it must", 1, true), out)
    local folder, path = files.read(made):match "^(/tmp/[^\n]+)\n(/tmp/[^\n]+)\n$"
    for _, gone in ipairs {folder, path, (folder:match "^(.*)/")} do assert.is_nil((posix.stat(gone)), gone) end
  end)

  it("have no other way to be made", function()
    assert.same({"spec/support/files.lua", "spec/support/scratch.h"}, files.lines [[
      find spec \( -name '*_spec.lua' -o -path '*/support/*' -o -name '*.[ch]' \) -not -path 'spec/bench/*' -not -path 'spec/fuzz/*' |
        xargs grep -lE 'os[.]tmpname|mk[ds]temp|"/tmp/[^"]*%d' | sort]])
  end)
end)
