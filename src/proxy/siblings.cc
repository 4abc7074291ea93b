// SPDX-License-Identifier: Apache-2.0
#include "proxy/siblings.h"

#include <string>

#include "cache/coded_copy.h"
#include "cache/rfc9111.h"
#include "http/h1_writer.h"
#include "http/media_type.h"
#include "metrics/metrics.h"

namespace weir::proxy {

using cache::Entry;
using cache::Sibling;
using http::Coding;
using http::FieldId;
using metrics::Metric;

namespace {

constexpr std::uint32_t kHotHits = 2;           // before it is worth it
constexpr std::uint64_t kMostBytes = 16 << 20;  // of a body
constexpr std::uint64_t kWorth[2] = {9, 10};    // no larger than this part of it
constexpr std::size_t kOutputStep = 256 * 1024; // bytes

/// The head of a coded body, as Entry::head(); empty: it is not to be coded.
Sibling::Parts parts_under(std::string_view stored_head, Coding coding) {
  Sibling::Parts parts;
  parts.coding = coding;
  Arena arena;
  http::ResponseHead head;
  if (!cache::read_stored_head(stored_head, head, arena) || !may_transform(head.fields) ||
      http::content_coding(head.fields) != Coding::identity) {
    return parts;
  }
  parts.media_type = http::media_type(head.fields.value(FieldId::content_type));
  edit_coded(head.fields, {CodingPlan::Body::encode, coding}, arena);
  std::size_t room = stored_head.size() + 128;
  http::H1Writer out(arena.allocate(room, 1), room);
  out.status_line(head.status, head.reason);
  out.fields(head.fields);
  parts.head = out.bytes();
  return parts;
}

/// The body of an entry, in one piece; empty: the disk cannot be read.
std::string whole_body(cache::Tier& tier, const Entry& entry) {
  std::string body(entry.inline_body());
  body.reserve(static_cast<std::size_t>(entry.body_size()));
  std::vector<Slice> slices = entry.slices();
  if (entry.disk_body()) {
    const auto& stored = static_cast<const cache::StoredBody&>(*entry.disk_body());
    slices =
        tier.disk->read_body(stored.place, 0, stored.place.size).value_or(std::vector<Slice>{});
  }
  for (const Slice& slice : slices) {
    body.append(slice.view());
  }
  return body;
}

/// A body, coded; nothing: it gains nothing, or the pool is stopping.
std::string code_whole(std::string_view body, Coding coding, const event::BackgroundPool& pool) {
  auto encoder = http::make_encoder(coding, http::stored_level(coding), body.size());
  const std::size_t most = body.size() * kWorth[0] / kWorth[1];
  std::string out;
  std::size_t made = 0;
  auto code = [&](std::string_view in, http::Flush flush) {
    for (bool done = false; !done && made <= most && !pool.stopping();) {
      out.resize(made + kOutputStep);
      http::CodingStep step = encoder->encode(in, {out.data() + made, kOutputStep}, flush);
      in.remove_prefix(step.taken);
      made += step.made;
      done = step.done;
    }
  };
  code(body, http::Flush::none);
  code({}, http::Flush::finish);
  out.resize(made <= most && !pool.stopping() ? made : 0);
  return out;
}

/// The coded body of an entry, from the disk if it was made for the same bytes before; made and
/// kept there if not. Empty: it gains nothing, or the disk cannot be read.
std::vector<Slice> coded_body(const event::BackgroundPool& pool, cache::Tier& tier,
                              const Entry& entry, Coding coding) {
  const std::string body = whole_body(tier, entry);
  if (body.size() != entry.body_size()) {
    return {};
  }
  std::string key;
  if (tier.disk) {
    key = cache::coded_copy_key(*tier.disk, body, coding, http::stored_level(coding));
    if (auto found = cache::read_coded_copy(*tier.disk, key); !found.empty()) {
      metrics::count(Metric::siblings_found);
      return copied(found);
    }
  }
  std::string coded = code_whole(body, coding, pool);
  metrics::count(Metric::siblings_made);
  std::vector<Slice> made = copied({Slice(std::string_view(coded))});
  if (tier.disk && !coded.empty()) {
    cache::store_coded_copy(*tier.disk, key, made);
  }
  return made;
}

void make_now(const event::BackgroundPool& pool, cache::Tier& tier, const Entry& entry,
              Coding coding) {
  Sibling::Parts parts = parts_under(entry.head(), coding);
  if (parts.head.empty()) {
    return; // the bit stays: nobody tries again
  }
  parts.body = coded_body(pool, tier, entry, coding);
  auto sibling = make_ref<Sibling>(std::move(parts), entry.siblings());
  tier.directory.renew(entry, Entry::refreshed(entry, entry.to_meta(), std::move(sibling)));
}

} // namespace

const Sibling* choose_sibling(const config::CompressDecl& rule, const http::RequestHead& request,
                              const Entry& entry) {
  const Sibling* chain = entry.siblings().get();
  if (chain == nullptr || entry.body_size() < rule.min || !may_transform(request.fields) ||
      (request.method == http::Method::get && request.fields.has(FieldId::range))) {
    return nullptr;
  }
  Coding best = http::choose_coding(http::accepted_codings(request.fields), rule.codings);
  const Sibling* sibling = find_sibling(chain, best);
  return sibling != nullptr && sibling->gains() && takes_type(rule, sibling->media_type())
             ? sibling
             : nullptr;
}

void make_sibling(event::BackgroundPool& work, cache::Tier& tier, Ref<const Entry> entry,
                  Coding coding) {
  if (entry->hits() < kHotHits || entry->body_size() > kMostBytes || !entry->begin_sibling()) {
    return;
  }
  bool queued =
      work.submit([&work, &tier, entry, coding] { make_now(work, tier, *entry, coding); });
  if (!queued) {
    entry->end_sibling();
  }
}

Ref<const Sibling> with_head(const Entry& stored, std::string_view head) {
  Ref<const Sibling> made;
  for (const Sibling* each = stored.siblings().get(); each != nullptr; each = each->next().get()) {
    Sibling::Parts parts = parts_under(head, each->coding());
    if (parts.head.empty()) {
      return {};
    }
    parts.body = each->body();
    made = make_ref<Sibling>(std::move(parts), std::move(made));
  }
  return made;
}

} // namespace weir::proxy
