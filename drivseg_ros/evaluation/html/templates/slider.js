// Without this script, image and overlay stand below each other; with it, a slider parts them.
document.documentElement.classList.add('js');
for (const box of document.querySelectorAll('.compare')) {
  const slider = box.querySelector('input');
  const move = () => box.style.setProperty('--cut', slider.value / 100);
  slider.addEventListener('input', move);
  move();
}
