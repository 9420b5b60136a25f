#include "operators/pipeline/expression_reader.h"

#include <algorithm>
#include <iterator>

#include "operators/event/kind.h"
#include "operators/pipeline/section_reader.h"

namespace leadflow {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// One past the closing quote of the text that begins at `begin`.
std::size_t EndOfText(std::string_view text, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < text.size() && text[end] != text[begin]) end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

std::string ListLiteral(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) {
    if (out.size() > 1) out += ", ";
    out += '"';
    for (const char c : word) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "]";
}

class AndExpression final : public Expression {
 public:
  AndExpression(std::shared_ptr<const Expression> first, std::shared_ptr<const Expression> second)
      : first_(std::move(first)), second_(std::move(second)) {
    text_ = "(" + std::string(first_->text()) + ") && (" + std::string(second_->text()) + ")";
    std::set_union(first_->slots().begin(), first_->slots().end(), second_->slots().begin(),
                   second_->slots().end(), std::back_inserter(slots_));
  }
  Value Evaluate(const FieldSource& fields, EvalArena& arena) const override {
    return Value::Bool(first_->Matches(fields, arena) && second_->Matches(fields, arena));
  }
  ValueType type() const override { return ValueType::kBool; }
  std::string_view text() const override { return text_; }
  const std::vector<int>& slots() const override { return slots_; }

 private:
  std::shared_ptr<const Expression> first_, second_;
  std::string text_;
  std::vector<int> slots_;
};

// The text between the first two back quotes of a message: the name that it is about.
std::string_view QuotedName(std::string_view message) {
  const std::size_t begin = message.find('`');
  if (begin == std::string_view::npos) return {};
  const std::size_t end = message.find('`', begin + 1);
  return end == std::string_view::npos ? std::string_view()
                                       : message.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::vector<ExpressionToken> TokensOf(std::string_view text) {
  std::vector<ExpressionToken> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++at;
    } else if (c == '"' || c == '\'') {
      const std::size_t end = EndOfText(text, at);
      const std::size_t size = end - at >= 2 ? end - at - 2 : 0;
      out.push_back({ExpressionToken::Type::kText, text.substr(at + 1, size), at});
      at = end;
    } else if (IsNameByte(c)) {
      std::size_t end = at;
      while (end < text.size() && IsNameByte(text[end])) ++end;
      out.push_back({ExpressionToken::Type::kName, text.substr(at, end - at), at});
      at = end;
    } else {
      const std::string_view two = text.substr(at, 2);
      const bool pair =
          two == "==" || two == "!=" || two == "&&" || two == "||" || two == "<=" || two == ">=";
      out.push_back({ExpressionToken::Type::kSymbol, text.substr(at, pair ? 2 : 1), at});
      at += pair ? 2 : 1;
    }
  }
  return out;
}

std::string ExpressionReader::Expand(const YamlNode& node, std::vector<Replaced>* replaced) {
  const std::string_view text = node.scalar;
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '"' || text[at] == '\'') {
      const std::size_t end = EndOfText(text, at);
      out += text.substr(at, end - at);
      at = end;
      continue;
    }
    if (text[at] != '@') {
      out += text[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && IsNameByte(text[end])) ++end;
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const auto words = read_list_ ? read_list_(name) : std::nullopt;
    if (!words) {
      Position place = node.ContentAt();
      place.column += static_cast<int>(Characters(text.substr(0, at)));
      place.width = static_cast<int>(end - at);
      problems_.Error("unknown-list", place, "no list `@" + std::string(name) + "`",
                      "known: @search_hosts, @social_hosts, @free_mail, @disposable_mail, @bots");
    }
    const std::string literal = ListLiteral(words.value_or(std::vector<std::string>{"-"}));
    replaced->push_back({out.size(), end - at, literal.size()});
    out += literal;
    at = end;
  }
  return out;
}

std::shared_ptr<const Expression> ExpressionReader::Run(const YamlNode& node, Scope& scope,
                                                        ValueType expected, std::string_view zone,
                                                        const EventScope* event_scope) {
  if (!node.IsScalar()) {
    problems_.Error("type", node.at, "an expression must be a text", "as in 'kind == \"order\"'");
    return nullptr;
  }
  if (IsUnresolved(node)) return nullptr;
  std::vector<Replaced> replaced;
  const int errors = problems_.errors();
  const std::string text = Expand(node, &replaced);
  if (problems_.errors() != errors) return nullptr;
  const Position at = node.ContentAt();
  Diagnostics own("", "");
  std::shared_ptr<const Expression> compiled =
      Expression::Compile(text, at, scope, expected, zone, &own);
  for (const Diagnostic& diagnostic : own.all()) {
    Diagnostic shown = diagnostic;
    // What stands behind a list that took the place of its name has moved to the right.
    if (shown.at.line == at.line) {
      int moved = 0;
      for (const Replaced& list : replaced) {
        if (shown.at.column - at.column >= static_cast<int>(list.at + list.new_size)) {
          moved += static_cast<int>(list.new_size) - static_cast<int>(list.old_size);
        }
      }
      shown.at.column -= moved;
    }
    if (event_scope != nullptr) {
      const std::string why = event_scope->WhyNot(QuotedName(shown.message));
      if (!why.empty()) shown.hint = why;
    }
    problems_.Error(shown.id, shown.at, shown.message, shown.hint);
  }
  return own.ok() ? compiled : nullptr;
}

std::shared_ptr<const Expression> ExpressionReader::Compile(const YamlNode& node, Scope& scope,
                                                            ValueType expected,
                                                            std::string_view zone) {
  return Run(node, scope, expected, zone, nullptr);
}

std::shared_ptr<const Expression> ExpressionReader::Condition(const YamlNode& node,
                                                              EventScope& scope) {
  auto compiled = Run(node, scope, ValueType::kBool, "", &scope);
  if (compiled != nullptr) CheckKinds(node.scalar, node.ContentAt());
  return compiled;
}

void ExpressionReader::CheckKinds(std::string_view text, Position at) {
  const std::vector<ExpressionToken> tokens = TokensOf(text);
  std::vector<std::string_view> kinds;
  for (const Kind kind : AllKinds()) kinds.push_back(KindName(kind));
  const auto check = [&](const ExpressionToken& token) {
    if (token.type != ExpressionToken::Type::kText || KindFromName(token.text)) return;
    Position place = at;
    // Exact for texts of one line; in a block the line of the block is named.
    place.column += static_cast<int>(Characters(text.substr(0, token.offset)));
    place.width = static_cast<int>(Characters(token.text)) + 2;
    problems_.Unknown("unknown-kind", place, "kind", token.text, kinds);
  };
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (tokens[i].type != ExpressionToken::Type::kName || tokens[i].text != "kind") continue;
    if (tokens[i + 1].text == "==" || tokens[i + 1].text == "!=") check(tokens[i + 2]);
    if (tokens[i + 1].text != "in" || tokens[i + 2].text != "[") continue;
    for (std::size_t j = i + 3; j < tokens.size() && tokens[j].text != "]"; ++j) check(tokens[j]);
  }
}

std::shared_ptr<const Expression> AllOf(std::shared_ptr<const Expression> first,
                                        std::shared_ptr<const Expression> second) {
  if (first == nullptr) return second;
  if (second == nullptr) return first;
  return std::make_shared<AndExpression>(std::move(first), std::move(second));
}

}  // namespace leadflow
