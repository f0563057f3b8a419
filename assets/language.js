// The page's language, before gradio reads its settings: texts that components are built with are marked, so that gradio
// looks them up again once a language has arrived. They are marked here and not on the server, so that its API goes on
// naming its parameters in words. Gradio itself has no Italian, and falls back to English: that is where the Italian
// texts are put. It names the language that it chose; where the page lacks that one, or has one that gradio lacks, the
// texts are in another.
{
  const root = document.documentElement, texts = gradio_config.i18n_translations;
  const READ = ["label", "info", "placeholder"];  // a value is read in these alone; elsewhere it is what somebody chose
  for (const {type, props} of gradio_config.components)
    for (const name of ["button", "html"].includes(type) ? [...READ, "value"] : READ)
      if (typeof props[name] === "string" && Object.hasOwn(texts.de, props[name]))
        props[name] = "__i18n__" + JSON.stringify({__type__: "translation_metadata", key: props[name]});
  const language = navigator.language.split("-")[0];
  if (language === "it") texts.en = texts.it;
  const own = Object.hasOwn(texts, language) ? language : "en";
  const name = () => { if (root.lang !== own) root.lang = own; };
  new MutationObserver(name).observe(root, {attributeFilter: ["lang"]});
  name();
  // For the page's other scripts: a text, or else its parts, such as "stuttering, mild"; as it stands where it is none.
  const known = own === "en" ? {} : texts[own];
  const say = text => Object.hasOwn(known, text) ? known[text] : text;
  const languages = new Intl.DisplayNames([own], {type: "language", fallback: "none"});
  const nameOf = code => languages.of(code)?.replace(/^./u, first => first.toLocaleUpperCase(own));
  for (const {props} of gradio_config.components.filter(({type}) => type === "dropdown")) {
    props.choices = props.choices.map(([text, value]) => [text.split(" · ").map(say).join(" · "), value]);
    if (props.elem_id !== "hw-language" || own === "en") continue;
    const [first, ...others] = props.choices.map(([text, value]) => [nameOf(value) ?? text, value]);
    props.choices = [first, ...others.sort(([one], [other]) => one.localeCompare(other, own))];
  }
  window.hwNumber = (n, digits) => n.toLocaleString(own, {minimumFractionDigits: digits, maximumFractionDigits: digits});
  window.hwSeconds = (n, digits) => `${hwNumber(n, digits)} ${own === "tr" ? "sn" : "s"}`;  // saniye
  window.hwSay = text => Object.hasOwn(known, text) ? known[text] : text.split(", ").map(say).join(", ");
}
