// SPDX-License-Identifier: Apache-2.0
//
// What the tests of rules and routes share: a configuration from text, with its lists compiled.
#pragma once

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "config/load.h"
#include "rules/condition.h"
#include "scratch.h"

struct Loaded {
  std::shared_ptr<const weir::config::Config> config;
  weir::rules::RuleParts parts;

  explicit Loaded(const std::string& text) {
    auto loaded = weir::config::load_text("weir.conf", text);
    INFO(weir::config::print(loaded.diagnostics));
    REQUIRE(loaded.config);
    config = loaded.config;
    for (const auto& decl : config->lists) {
      weir::rules::ListReport report;
      auto list = weir::rules::compile_list(decl, {}, report);
      REQUIRE(list);
      parts.lists.push_back(*list);
    }
    std::string problem;
    auto whens = weir::rules::compile_schedules(*config, problem);
    REQUIRE(whens);
    parts.whens = *whens;
  }
};
