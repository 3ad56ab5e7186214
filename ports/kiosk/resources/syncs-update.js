({ parts }) => {
  const focused = document.activeElement?.getAttribute('href');
  for (const [id, html] of Object.entries(parts)) {
    document.getElementById(id).innerHTML = html;
  }
  const links = [...document.querySelectorAll('a')];
  const again = links.find((link) => focused && link.getAttribute('href') === focused);
  if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  return null;
}
