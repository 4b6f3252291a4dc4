"""For Ansible: an inventory and a playbook. Source: docs.ansible.com, ansible-core 2.19."""

from __future__ import annotations

from collections.abc import Mapping

from edgekit.boards.ansible import export_ini
from edgekit.boards.exports import BUNDLE, RUNNER, Export
from edgekit.core.fleet import Amount

PLAY = """\
# Deploys {app} {release}: ansible-playbook -i inventory.ini deploy.yml
# Written by edgekit fleet export; the installer on the board is the one of edgekit deploy.
- name: Deploy {app}
  hosts: all
  gather_facts: false
  serial: {serial}
  max_fail_percentage: {max_fail}
  vars:
    inbox: ~/.edgekit-inbox
  tasks:
    - name: Make a folder for what arrives
      ansible.builtin.file:
        path: "{{{{ inbox }}}}"
        state: directory
        mode: "0700"
    - name: Copy the bundle and the runner
      ansible.builtin.copy:
        src: "{{{{ item }}}}"
        dest: "{{{{ inbox }}}}/{{{{ item }}}}"
        mode: "0600"
      loop: [{bundle}, {runner}]
    - name: Verify, install, check the golden outputs, switch
      ansible.builtin.command:
        argv: [python3, -I, {runner}, apply]
        chdir: "{{{{ inbox }}}}"
        stdin: '{{"bundle": "{bundle}"}}'
      register: applied
      changed_when: "'\\"changed\\":true' in applied.stdout"
"""


def files(export: Export) -> Mapping[str, str]:
    """``inventory.ini`` and ``deploy.yml``."""
    policy, total = export.policy, max(len(export.boards), 1)
    waves = [policy.canary, policy.wave] if policy.canary.of(total) else [policy.wave]
    serial = "[" + ", ".join(f'"{_amount(wave)}"' for wave in waves) + "]"
    play = PLAY.format(
        app=export.app,
        release=export.release,
        serial=serial,
        max_fail=f"{100 * policy.max_fail.allowed(total) / total:g}",
        bundle=BUNDLE,
        runner=RUNNER,
    )
    return {"inventory.ini": export_ini(export.boards), "deploy.yml": play}


def _amount(amount: Amount) -> str:
    return str(max(amount.count, 1)) if amount.percent is None else f"{amount.percent:g}%"
