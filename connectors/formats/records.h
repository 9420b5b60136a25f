// Records of text: one line of CSV or TSV, one form-encoded body.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/expression.h"

namespace leadflow {

inline constexpr std::size_t kMaxColumns = 2048;

// RFC 4180: fields may stand in `"`, with `""` for one. Text behind a closing quote is taken as it
// is no CSV. Borrowed from `record` or kept in `arena`. False: `why`.
bool SplitCsv(std::string_view record, char separator, EvalArena& arena,
              std::vector<std::string_view>* fields, std::string* why);

// Fields between tabs, as they are.
bool SplitTsv(std::string_view record, std::vector<std::string_view>* fields, std::string* why);

// `,`, `;` or a tab: whichever stands most often outside of quotes.
char GuessSeparator(std::string_view header);

// `+` and `%41`; a `%` without two digits stays. Borrowed or kept in `arena`.
std::string_view DecodePercent(std::string_view text, EvalArena& arena);

}  // namespace leadflow
