// Makes elements; every word goes in as text.
// Does not know what the elements are for.

/** make('button', { type: 'button' }, 'Top', other, …): properties, then children; strings become text. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element && key !== 'list') element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export function metres(value) {
  const size = Math.abs(value);
  if (size > 0 && size < 0.01) return `${(value * 1000).toFixed(1)} mm`;
  return `${value.toFixed(size < 1 ? 3 : size < 100 ? 2 : 0)} m`;
}
