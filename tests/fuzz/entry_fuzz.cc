// Any bytes as an entry: refused, or written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "operators/event/entry.h"

namespace leadflow {
namespace {

void Walk(const Entry& entry) {
  const FieldsView fields = entry.Fields();
  fields.ForEach([&](int tag, std::string_view name, std::string_view, std::int64_t) {
    if (tag == FieldsView::kLabelTag) fields.Label(name);
    if (tag == FieldsView::kTraitTag) fields.Trait(name);
    if (tag >= kFieldCount) return;
    const auto field = static_cast<Field>(tag);
    fields.Has(field);
    if (TypeOfField(field) == FieldType::kString) {
      fields.Text(field);
    } else {
      fields.Number(field);
    }
  });
  for (int i = 0; i < entry.links; ++i) static_cast<void>(entry.Other(i).hash());
}

void Run(std::string_view bytes) {
  Entry before;
  bool has_before = false;
  Entry entry;
  std::string written;
  while (ReadEntry(&bytes, &entry)) {
    Walk(entry);
    written.clear();
    AppendEntry(entry, &written);
    std::string_view rest = written;
    Entry again;
    if (!ReadEntry(&rest, &again) || !rest.empty()) std::abort();
    if (Compare(entry, again) != 0 || Stands(entry, again) || Stands(again, entry)) std::abort();
    if (has_before && Before(before, entry) && Before(entry, before)) std::abort();
    before = entry;
    has_before = true;
  }
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leadflow::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
