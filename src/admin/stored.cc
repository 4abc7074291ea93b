// SPDX-License-Identifier: Apache-2.0
#include "admin/stored.h"

#include <algorithm>

#include "cache/rfc9111.h"
#include "cache/vary.h"

namespace weir::admin {
namespace {

/// What selecting_values() wrote for one name; null: the field was not there.
Json selected(std::string_view value) {
  return value.empty() || value[0] == '-' ? Json() : Json(std::string(value.substr(1)));
}

/// Field names with the values that the request had which it was stored for, and, with `request`,
/// those in which that one differs.
void add_selecting(const cache::Meta& meta, const http::Fields* request, Json& out) {
  Json vary = Json::object();
  Json differs = Json::array();
  std::string_view names = meta.vary;
  std::string_view values = meta.selecting;
  while (!names.empty()) {
    std::string_view name = names.substr(0, names.find(','));
    std::string_view value = values.substr(0, std::min(values.find('\n'), values.size()));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    values.remove_prefix(std::min(value.size() + 1, values.size()));
    vary[std::string(name)] = selected(value);
    if (request == nullptr) {
      continue;
    }
    Arena arena;
    std::string_view asked = cache::selecting_values(name, *request, arena);
    asked.remove_suffix(asked.empty() ? 0 : 1); // LF
    if (asked != value) {
      differs.push_back(
          {{"field", std::string(name)}, {"stored", selected(value)}, {"asked", selected(asked)}});
    }
  }
  out["vary"] = std::move(vary);
  if (request != nullptr) {
    out["matches"] = differs.empty();
    out["differs"] = std::move(differs);
  }
}

/// What is stored, as the purges in force leave it.
struct Found {
  std::string_view store;
  const cache::Meta& meta;
  const cache::Freshness& fresh;
  Duration age{};
};

Json variant_json(const Found& found, const http::Fields* request) {
  const cache::Meta& meta = found.meta;
  auto serve = cache::may_serve(found.fresh, found.age, cache::RequestDirectives{}).serve;
  Json out;
  out["stores"] = Json::array({std::string(found.store)});
  out["status"] = meta.status;
  out["age_seconds"] = seconds(found.age);
  out["ttl_seconds"] = seconds(found.fresh.lifetime - found.age);
  out["fresh"] = serve == cache::Serve::fresh;
  out["size"] = meta.body_size;
  out["etag"] = meta.etag;
  add_selecting(meta, request, out);
  out["tags"] = meta.tags;
  return out;
}

/// What it is stored as beside: {"br": 1234}, in bytes.
Json codings_json(const cache::Entry& entry) {
  Json out = Json::object();
  for (const cache::Sibling* each = entry.siblings().get(); each != nullptr;
       each = each->next().get()) {
    if (each->gains()) {
      out[std::string(http::name(each->coding()))] = each->body_size();
    }
  }
  return out;
}

/// [[first, last], ..], both included.
Json parts_json(const cache::Parts& parts) {
  Json out = Json::array();
  for (const cache::Part& part : parts.all()) {
    out.push_back(Json::array({part.first, part.end() - 1}));
  }
  return out;
}

/// The disk's copies: a variant that memory has too only gets the word.
void add_disk(cache::Tier& tier, const cache::Key& key, const http::Fields* request,
              std::vector<std::string>& known, Json& all) {
  cache::DiskTier& disk = *tier.disk;
  auto record = disk.read_key(key.hash);
  if (!record || record->key != key.bytes) {
    return;
  }
  for (const cache::KeyRecord::Variant& each : record->variants) {
    auto stored = disk.read_variant(key.hash, each.hash);
    if (!stored) {
      continue;
    }
    auto same = std::find(known.begin(), known.end(), stored->meta.selecting);
    if (same != known.end()) {
      Json& stores = all[static_cast<std::size_t>(same - known.begin())]["stores"];
      if (stores.back() != "disk") {
        stores.push_back("disk");
      }
    } else if (auto fresh =
                   tier.left_of(cache::Subject::of(stored->meta), stored->meta.freshness)) {
      Duration age = cache::current_age(*fresh, Clock::wall());
      all.push_back(variant_json({"disk", stored->meta, *fresh, age}, request));
      known.push_back(stored->meta.selecting);
    }
  }
}

} // namespace

Json stored_json(cache::Tier& tier, const cache::Key& key, const http::Fields* request) {
  Json all = Json::array();
  std::vector<std::string> known; // selecting values of the members of `all`
  for (const Ref<const cache::Entry>& entry : tier.directory.variants(key.bytes, key.hash)) {
    cache::Meta meta = entry->to_meta();
    auto fresh = tier.left_of(cache::Subject::of(*entry), meta.freshness);
    if (!fresh) {
      continue; // purged
    }
    bool on_disk = static_cast<bool>(entry->disk_body());
    all.push_back(variant_json(
        {on_disk ? "disk" : "memory", meta, *fresh, entry->age(Clock::mono())}, request));
    all.back()["memory_bytes"] = entry->cost();
    all.back()["codings"] = codings_json(*entry);
    if (entry->parts()) {
      all.back()["parts"] = parts_json(*entry->parts());
      all.back()["bytes_here"] = entry->parts()->bytes();
    }
    known.push_back(std::move(meta.selecting));
  }
  if (tier.disk) {
    add_disk(tier, key, request, known, all);
  }
  return all;
}

} // namespace weir::admin
