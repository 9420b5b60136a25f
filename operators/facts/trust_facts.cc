#include "operators/facts/trust_facts.h"

#include "operators/facts/leaf.h"
#include "operators/facts/window_memo.h"

namespace leadflow {

struct TrustFacts::Impl {
  explicit Impl(const Pipeline& all) : pipeline(all), windows(all.zone) {
    for (Leaf& leaf : CompileLeaves(all).leaves) {
      if (leaf.measure->subject.of == Subject::Of::kTrust) leaves.push_back(std::move(leaf));
    }
  }

  const Pipeline& pipeline;
  WindowMemo windows;
  std::vector<Leaf> leaves;
  RowKey key;
};

TrustFacts::TrustFacts(const Pipeline& pipeline) : impl_(std::make_unique<Impl>(pipeline)) {}
TrustFacts::~TrustFacts() = default;

bool TrustFacts::Wants(std::string_view trust) const {
  for (const Leaf& leaf : impl_->leaves) {
    if (leaf.measure->subject.trust == trust) return true;
  }
  return false;
}

void TrustFacts::Count(std::string_view trust, std::string_view source, std::string_view reason,
                       std::int64_t time_ms, std::int64_t by, FactSink& sink) {
  if (by == 0) return;
  for (const Leaf& leaf : impl_->leaves) {
    if (leaf.measure->subject.trust != trust) continue;
    RowTexts texts;
    texts.trust_source = source;
    texts.trust_reason = reason;
    const std::int64_t window = impl_->windows.Start(time_ms, leaf.kpi->window);
    const std::size_t repeats = leaf.model_dimension ? leaf.models.size() : 1;
    for (std::size_t i = 0; i < repeats; ++i) {
      if (leaf.model_dimension) {
        const auto model = static_cast<std::size_t>(leaf.models[i]);
        texts.model = impl_->pipeline.attribution.models[model].name;
      }
      BeginRow(leaf, window, texts, impl_->pipeline.report_currency, &impl_->key);
      BeginComponent(leaf, ComponentKind::kSum, texts, &impl_->key);
      sink.Add(impl_->key.group(), impl_->key.component(), by);
    }
  }
}

}  // namespace leadflow
