// SPDX-License-Identifier: Apache-2.0
#include "cache/vary.h"

#include <algorithm>
#include <vector>

namespace weir::cache {

namespace {

/// One member with its blanks around ';' and ',' gone and in lower case where that has no meaning.
std::string tidy(std::string_view member, bool any_case) {
  std::string out;
  bool quoted = false;
  for (char c : member) {
    quoted = quoted != (c == '"');
    if (!quoted && any_case && (c == ' ' || c == '\t')) {
      continue;
    }
    out += any_case ? http::lower(c) : c;
  }
  return out;
}

/// A preference list: among equal weights the order has no meaning.
std::string preference(const http::Fields& request, http::FieldId id) {
  std::vector<std::string> members;
  http::ListReader reader(request, id);
  while (auto member = reader.next()) {
    members.push_back(tidy(*member, true));
  }
  std::sort(members.begin(), members.end());
  std::string out;
  for (const auto& member : members) {
    out += out.empty() ? "" : ",";
    out += member;
  }
  return out;
}

/// Several lines joined by commas, blanks around commas and at the ends dropped.
void append_plain(std::string& out, std::string_view line) {
  bool quoted = false;
  for (char c : line) {
    quoted = quoted != (c == '"');
    if (!quoted && c == ',') {
      while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) {
        out.pop_back();
      }
      out += ',';
    } else if (quoted || (c != ' ' && c != '\t') || (!out.empty() && out.back() != ',')) {
      out += c;
    }
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) {
    out.pop_back();
  }
}

} // namespace

std::optional<std::string> vary_names(const http::Fields& response) {
  std::vector<std::string> names;
  http::ListReader reader(response, http::FieldId::vary);
  while (auto member = reader.next()) {
    if (member->find('*') != std::string_view::npos || !http::is_token(*member)) {
      return {};
    }
    std::string name(*member);
    std::transform(name.begin(), name.end(), name.begin(), http::lower);
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string joined;
  for (const auto& name : names) {
    joined += joined.empty() ? "" : ",";
    joined += name;
  }
  return joined;
}

std::string_view selecting_values(std::string_view names, const http::Fields& request,
                                  Arena& arena) {
  std::string all;
  while (!names.empty()) {
    std::size_t comma = names.find(',');
    std::string_view name = names.substr(0, comma);
    names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
    http::FieldId id = http::field_id(name);
    bool there = false;
    std::string value;
    for (const http::Field& field : request) {
      if (field.id == id && (id != http::FieldId::other || http::iequals(field.name, name))) {
        value += there ? "," : "";
        append_plain(value, field.value);
        there = true;
      }
    }
    if (there && (id == http::FieldId::accept_encoding || id == http::FieldId::accept_language)) {
      value = preference(request, id);
    }
    all += there ? '+' : '-'; // a value holds no control octet, so LF ends it
    all += value;
    all += '\n';
  }
  return arena.copy(all);
}

} // namespace weir::cache
