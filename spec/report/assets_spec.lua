--- Letters of drawings: a drawing is scaled to its width, and its text with it.
local assets = require "perilune.report.assets"
local axis = require "perilune.report.axis"

local style = assets.style .. axis.style
local phone = style:match("@media %(max%-width: 620px%) (%b{})")

-- The body of the first rule for exactly this selector.
local function rule(selector)
  return style:match("\n" .. selector:gsub("%p", "%%%0") .. " (%b{})")
end

describe("the text of a drawing", function()
  -- selector of its text, of what bounds its width, and the width of its viewBox
  local drawings = {
    {".axis-plot svg text", ".axis-plot { aspect"}, {".front text", ".front { max"}, {".groups text", ".groups { max"},
    {".pairs text", ".pairs { width"},
  }

  it("is 13 px where the drawing is as wide as it gets", function()
    for _, drawing in ipairs(drawings) do
      local size, box, width = rule(drawing[1]):match("font%-size: calc%((%d+)px %* (%d+) / (%d+)%)")
      local most = style:match(drawing[2]:gsub("%p", "%%%0") .. "[^}]*max%-width: (%d+)px") or
        style:match(drawing[2]:gsub("%p", "%%%0") .. "%-width: (%d+)px")
      assert.same({"13", "460", most}, {size, box, width}, drawing[1])
    end
    assert.matches("font%-size: 13px", rule ".dygraph-axis-label")
    assert.matches("axisLabelFontSize: 13,", assets.script)
  end)

  it("is larger in the drawing's units where a screen is narrow", function()
    for _, drawing in ipairs(drawings) do
      assert.truthy(phone:find(drawing[1], 1, true), drawing[1])
    end
  end)
end)
