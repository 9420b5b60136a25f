// Diagnostics: everything that is wrong with a config file, collected and shown at once, each with
// its place and a hint. Sorted by line when rendered; nothing here stops at the first error.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leadflow {

// A place in a text; lines and columns count from 1, columns in characters (code points).
struct Position {
  int line = 0;  // 0: no place in particular
  int column = 0;
  int width = 1;  // Characters to underline.
};

enum class Severity : unsigned char { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string
      id;  // Stable short name: "unknown-field", "type", "duplicate-key", "not-in-release", ...
  Position at;
  std::string message;  // lower case, names the thing
  std::string hint;     // what to do; shown behind the caret; may be empty
};

class Diagnostics {
 public:
  // `text` is the file's content, for the source lines; `file` its name as the user typed it.
  Diagnostics(std::string file, std::string text);

  void Error(std::string id, Position at, std::string message, std::string hint = "");
  void Warning(std::string id, Position at, std::string message, std::string hint = "");

  // The text of this line is not shown, whatever is wrong there: it may hold a secret.
  void HideLine(int line);

  bool ok() const { return errors_ == 0; }
  int errors() const { return errors_; }
  // In the order in which they were found; at most 200 are kept, all are counted.
  const std::vector<Diagnostic>& all() const { return all_; }

  // `file:line:column: error: message`, the source line, a caret line with the hint; then a count.
  std::string Text() const;
  std::string Json() const;    // one array of objects
  std::string Github() const;  // `::error file=..,line=..,col=..::message`

 private:
  void Add(Diagnostic diagnostic);

  std::string file_;
  std::vector<std::string> lines_;
  std::vector<Diagnostic> all_;
  int errors_ = 0;
  int warnings_ = 0;
};

// The candidate nearest to `word` (Damerau-Levenshtein distance at most 2 and a third of its
// length; or the same letters in another case), or empty.
std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace leadflow
