// Makes elements. Text from the API only ever goes through textContent and attributes, never through markup.

const SVG = 'http://www.w3.org/2000/svg'

export function byId(id) {
  return document.getElementById(id)
}

/** @param children elements, or strings that become text */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children)
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children)
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

/** Sets only what differs, so that nothing is laid out anew for nothing and a selection stays. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** A list of names and values whose rows are kept from one refresh to the next. */
export function setList(list, rows) {
  while (list.children.length > 2 * rows.length) list.lastChild.remove()
  while (list.children.length < 2 * rows.length) list.append(element('dt'), element('dd'))
  rows.forEach(([name, value], row) => {
    setText(list.children[2 * row], name)
    setText(list.children[2 * row + 1], value)
  })
}
