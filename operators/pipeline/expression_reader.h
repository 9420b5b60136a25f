// ExpressionReader: compiles the expressions of a file: `@list` placeholders, hints that need to
// know the pipeline, constants that are compared with `kind`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/expression.h"
#include "engine/config/yaml.h"
#include "operators/pipeline/problems.h"
#include "operators/pipeline/scopes.h"

namespace leadflow {

// A piece of an expression's text: enough to find names, texts and operators in it.
struct ExpressionToken {
  enum class Type : unsigned char { kName, kText, kSymbol } type = Type::kSymbol;
  std::string_view text;   // without quotes
  std::size_t offset = 0;  // of its first byte (of a text: of the quote)
};
std::vector<ExpressionToken> TokensOf(std::string_view text);

class ExpressionReader final {
 public:
  // Lines of a built-in list; nullopt: there is none of that name.
  using ReadList = std::function<std::optional<std::vector<std::string>>(std::string_view name)>;

  ExpressionReader(ReadList read_list, Problems* problems)
      : read_list_(std::move(read_list)), problems_(*problems) {}

  // nullptr: it is wrong (reported), or a placeholder `${X}` stands in it.
  std::shared_ptr<const Expression> Compile(const YamlNode& node, Scope& scope, ValueType expected,
                                            std::string_view zone = "");
  // The same for an event condition, with hints for names that are none.
  std::shared_ptr<const Expression> Condition(const YamlNode& node, EventScope& scope);

 private:
  // Where `@name` stood in the file and what took its place in the compiled text.
  struct Replaced {
    std::size_t at, old_size, new_size;
  };
  std::string Expand(const YamlNode& node, std::vector<Replaced>* replaced);
  void CheckKinds(std::string_view text, Position at);
  std::shared_ptr<const Expression> Run(const YamlNode& node, Scope& scope, ValueType expected,
                                        std::string_view zone, const EventScope* event_scope);

  ReadList read_list_;
  Problems& problems_;
};

// `first && second`; a null one is left out.
std::shared_ptr<const Expression> AllOf(std::shared_ptr<const Expression> first,
                                        std::shared_ptr<const Expression> second);

}  // namespace leadflow
