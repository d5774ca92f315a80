import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: [".venv/", "venv/"] },
  js.configs.recommended,
  { rules: { "no-shadow": "error" } },
  {
    files: ["assets/*/*.js"],
    languageOptions: { globals: globals.browser },
  },
  { files: ["assets/page.js"], languageOptions: { sourceType: "script", globals: globals.browser } },
  { files: ["tests/**/*.js"], languageOptions: { globals: globals.node } },
];
