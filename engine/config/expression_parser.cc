// From tokens to a tree. Precedence, loosest first: ?: || && comparison, in, matches  + -  * /  ! -
#include <algorithm>
#include <utility>

#include "engine/config/expression_tree.h"

namespace leadflow::expression {
namespace {

using NodePtr = std::unique_ptr<Node>;

class Parser {
 public:
  Parser(Source& source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {}

  NodePtr Run() {
    NodePtr root = Conditional();
    if (root && Now().type != Token::Type::kEnd) {
      return Fail("`" + std::string(source_.Part(Now().begin, Now().end)) + "` is too much here",
                  "is an operator missing before it?");
    }
    return source_.ok() ? std::move(root) : nullptr;
  }

 private:
  const Token& Now() const { return tokens_[at_]; }
  bool Take(std::string_view symbol) {
    if (!Now().Is(symbol)) return false;
    ++at_;
    return true;
  }

  NodePtr Fail(std::string message, std::string hint = "") {
    if (source_.ok()) {
      source_.Error("syntax", Now().begin, Now().end, std::move(message), std::move(hint));
    }
    return nullptr;
  }
  NodePtr FailExpected(std::string_view what) {
    if (Now().type == Token::Type::kEnd) {
      return Fail(std::string(what) + " is missing at the end",
                  "finish the expression, or take away what waits for it");
    }
    return Fail(std::string(what) + " is missing before `" +
                std::string(source_.Part(Now().begin, Now().end)) + "`");
  }

  NodePtr Make(Node::Kind kind, std::size_t begin) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->begin = begin;
    node->end = at_ > 0 ? tokens_[at_ - 1].end : begin;
    return node;
  }

  // Moves `arg` into `node`; nullptr if arg is, or if the tree is too deep.
  NodePtr With(NodePtr node, NodePtr arg) {
    if (!node || !arg) return nullptr;
    node->depth = std::max(node->depth, arg->depth + 1);
    if (node->depth > kMostDepth) return Fail("the expression is nested too deeply");
    node->begin = std::min(node->begin, arg->begin);
    node->end = std::max(node->end, arg->end);
    node->args.push_back(std::move(arg));
    return node;
  }

  NodePtr Wrap(Node::Kind kind, NodePtr arg) {
    NodePtr node = Make(kind, arg->begin);
    return With(std::move(node), std::move(arg));
  }

  NodePtr Conditional() {
    if (++nesting_ > kMostDepth) return Fail("the expression is nested too deeply");
    NodePtr condition = Chain("||", Node::Kind::kOr);
    if (condition && Take("?")) {
      NodePtr node = Wrap(Node::Kind::kConditional, std::move(condition));
      node = With(std::move(node), Conditional());
      if (!node) return nullptr;
      if (!Take(":")) return FailExpected("`:`");
      condition = With(std::move(node), Conditional());
    }
    --nesting_;
    return condition;
  }

  NodePtr Chain(std::string_view symbol, Node::Kind kind) {
    const bool is_or = kind == Node::Kind::kOr;
    NodePtr first = is_or ? Chain("&&", Node::Kind::kAnd) : Comparison();
    if (!first || !Now().Is(symbol)) return first;
    NodePtr node = Wrap(kind, std::move(first));
    while (node && Take(symbol)) {
      if (node->args.size() == 256) return Fail("too many parts of one " + std::string(symbol));
      node = With(std::move(node), is_or ? Chain("&&", Node::Kind::kAnd) : Comparison());
    }
    return node;
  }

  NodePtr Comparison() {
    NodePtr left = Sum();
    if (!left) return nullptr;
    static constexpr std::pair<std::string_view, Operator> kCompare[] = {
        {"==", Operator::kEqual},        {"!=", Operator::kNotEqual}, {"<=", Operator::kLessEqual},
        {">=", Operator::kGreaterEqual}, {"<", Operator::kLess},      {">", Operator::kGreater}};
    for (const auto& [symbol, op] : kCompare) {
      if (!Take(symbol)) continue;
      NodePtr node = Wrap(Node::Kind::kCompare, std::move(left));
      if (node) node->op = op;
      return With(std::move(node), Sum());
    }
    if (Now().IsWord("in")) {
      ++at_;
      return In(std::move(left));
    }
    if (Now().IsWord("matches")) {
      ++at_;
      NodePtr node = Wrap(Node::Kind::kMatches, std::move(left));
      return With(std::move(node), Sum());
    }
    return left;
  }

  NodePtr In(NodePtr what) {
    NodePtr node = Wrap(Node::Kind::kIn, std::move(what));
    if (!Take("[")) {
      NodePtr list = Sum();
      if (list && list->kind != Node::Kind::kCall) return Fail("behind `in` stands a list: [a, b]");
      return With(std::move(node), std::move(list));
    }
    while (node && !Now().Is("]")) {
      if (node->args.size() > 4096) return Fail("a list of more than 4096 members");
      node = With(std::move(node), Sum());
      if (node && !Take(",") && !Now().Is("]")) return FailExpected("`,` or `]`");
    }
    if (!node) return nullptr;
    ++at_;
    node->end = tokens_[at_ - 1].end;
    return node;
  }

  NodePtr Sum() {
    NodePtr left = Product();
    while (left && (Now().Is("+") || Now().Is("-"))) {
      const Operator op = Now().Is("+") ? Operator::kAdd : Operator::kSubtract;
      ++at_;
      left = Binary(std::move(left), op, Product());
    }
    return left;
  }

  NodePtr Product() {
    NodePtr left = Unary();
    while (left && (Now().Is("*") || Now().Is("/"))) {
      const Operator op = Now().Is("*") ? Operator::kMultiply : Operator::kDivide;
      ++at_;
      left = Binary(std::move(left), op, Unary());
    }
    return left;
  }

  NodePtr Binary(NodePtr left, Operator op, NodePtr right) {
    NodePtr node = Wrap(Node::Kind::kArithmetic, std::move(left));
    if (node) node->op = op;
    return With(std::move(node), std::move(right));
  }

  NodePtr Unary() {
    const std::size_t begin = Now().begin;
    if (Now().Is("!") || Now().Is("-")) {
      const Node::Kind kind = Now().Is("!") ? Node::Kind::kNot : Node::Kind::kNegate;
      ++at_;
      if (++nesting_ > kMostDepth) return Fail("the expression is nested too deeply");
      NodePtr node = With(Make(kind, begin), Unary());
      --nesting_;
      return node;
    }
    NodePtr node = Primary();
    // split(text, "x")[0]
    while (node && node->kind == Node::Kind::kCall && Now().Is("[")) {
      ++at_;
      const bool negative = Take("-");
      if (Now().type != Token::Type::kInt) return FailExpected("a number");
      NodePtr element = Make(Node::Kind::kElement, node->begin);
      element->value = Value::Int(negative ? -Now().integer : Now().integer);
      ++at_;
      if (!Take("]")) return FailExpected("`]`");
      node = With(std::move(element), std::move(node));
      if (node) node->end = tokens_[at_ - 1].end;
    }
    return node;
  }

  NodePtr Constant(Value value) {
    ++at_;
    NodePtr node = Make(Node::Kind::kConstant, tokens_[at_ - 1].begin);
    node->value = value;
    return node;
  }

  NodePtr Primary() {
    const Token& token = Now();
    switch (token.type) {
      case Token::Type::kInt: return Constant(Value::Int(token.integer));
      case Token::Type::kDecimal: return Constant(Value::FromDecimal(token.decimal));
      case Token::Type::kDuration: return Constant(Value::Duration(token.integer));
      case Token::Type::kString: {
        const std::string text = token.text;
        NodePtr node = Constant(Value::String({}));
        node->text = text;
        return node;
      }
      case Token::Type::kName: return NameOrCall();
      case Token::Type::kEnd: return FailExpected("a value");
      case Token::Type::kSymbol: break;
    }
    if (Take("(")) {
      NodePtr inner = Conditional();
      if (inner && !Take(")")) return FailExpected("`)`");
      return inner;
    }
    if (token.Is("$")) return Path();
    return FailExpected("a value");
  }

  NodePtr NameOrCall() {
    const Token name = Now();
    if (name.text == "true" || name.text == "false")
      return Constant(Value::Bool(name.text == "true"));
    if (name.text == "null") return Constant(Value::Null());
    ++at_;
    if (!Take("(")) {
      NodePtr node = Make(Node::Kind::kName, name.begin);
      node->text = name.text;
      return node;
    }
    NodePtr call = Make(Node::Kind::kCall, name.begin);
    call->text = name.text;
    call->name_end = name.end;
    while (call && !Now().Is(")")) {
      if (call->args.size() == kMostArguments) return Fail("too many arguments");
      call = With(std::move(call), Conditional());
      if (call && !Take(",") && !Now().Is(")")) return FailExpected("`,` or `)`");
    }
    if (!call) return nullptr;
    ++at_;
    call->end = tokens_[at_ - 1].end;
    return call;
  }

  NodePtr Path() {
    const std::size_t begin = Now().begin;
    ++at_;
    NodePtr node = Make(Node::Kind::kPath, begin);
    while (Now().Is(".") || Now().Is("[")) {
      if (node->path.size() >= kMostPathSteps) return Fail("a path of more than 32 steps");
      if (Take(".")) {
        if (Now().type != Token::Type::kName) return FailExpected("a name");
        std::string_view rest = Now().text;
        for (std::size_t dot; !rest.empty(); rest = rest.substr(dot)) {
          dot = std::min(rest.find('.'), rest.size());
          node->path.push_back({std::string(rest.substr(0, dot)), -1});
          if (dot < rest.size()) ++dot;
        }
        ++at_;
        continue;
      }
      ++at_;
      if (Now().type == Token::Type::kString) {
        node->path.push_back({Now().text, -1});
      } else if (Now().type == Token::Type::kInt && Now().integer < 100'000) {
        node->path.push_back({"", static_cast<int>(Now().integer)});
      } else {
        return FailExpected("an index or a \"name\"");
      }
      ++at_;
      if (!Take("]")) return FailExpected("`]`");
    }
    node->end = tokens_[at_ - 1].end;
    return node;
  }

  Source& source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

std::unique_ptr<Node> Parse(Source& source, std::vector<Token> tokens) {
  return Parser(source, std::move(tokens)).Run();
}

}  // namespace leadflow::expression
