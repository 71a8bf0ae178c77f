// Without this script, image and overlay stand below each other; with it, a slider parts them, and
// a click on a small picture puts it in the overlay's place.
document.documentElement.classList.add('js');
for (const box of document.querySelectorAll('.compare')) {
  const slider = box.querySelector('input');
  const move = () => box.style.setProperty('--cut', slider.value / 100);
  slider.addEventListener('input', move);
  move();
  const over = box.querySelector('.over');
  const overlay = [over.src, over.alt];
  const buttons = [...box.parentElement.querySelectorAll('.thumbs img')].map(small => {
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-pressed', 'false');
    button.setAttribute('aria-label', `Show large: ${small.alt}`);
    small.replaceWith(button);
    button.append(small);
    button.addEventListener('click', () => {
      const back = button.getAttribute('aria-pressed') === 'true';
      [over.src, over.alt] = back ? overlay : [small.src, small.alt];
      for (const one of buttons) one.setAttribute('aria-pressed', String(one === button && !back));
    });
    return button;
  });
}
