"""Writes a C++ source that holds files as strings: embed.py FUNCTION OUT.cc FILE..."""
import pathlib
import sys

function, out, files = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
lines = ["#include <optional>", "#include <string_view>", "", "namespace leadflow {", "",
         f"std::optional<std::string_view> {function}(std::string_view name) {{"]
for file in files:
    path = pathlib.Path(file)
    data = path.read_bytes()
    lines.append(f'  if (name == "{path.name}") {{')
    lines.append("    static constexpr char kBytes[] =")
    for i in range(0, len(data), 60):
        lines.append('        "' + "".join(f"\\{byte:03o}" for byte in data[i:i + 60]) + '"')
    lines.append('        "";')
    lines.append(f"    return std::string_view(kBytes, {len(data)});")
    lines.append("  }")
lines += ["  return std::nullopt;", "}", "", "}  // namespace leadflow", ""]
out.write_text("\n".join(lines))
