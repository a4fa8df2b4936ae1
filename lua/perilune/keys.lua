--- The keys of a table in the order of their texts. The library's pairs goes through texts in that order already
--- (runtime/recipe/order.h).
return function(map)
  local keys, texts = {}, true
  for key in pairs(map) do
    keys[#keys + 1] = key
    texts = texts and type(key) == "string"
  end
  if not texts then table.sort(keys, function(a, b) return tostring(a) < tostring(b) end) end
  return keys
end
