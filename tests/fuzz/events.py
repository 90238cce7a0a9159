"""events: what happens in trainings between two steps, as lines; ``$p`` and ``$m`` are drawn."""

from __future__ import annotations

LOSSES = (
    *("F.mse_loss({0}, {1})", "F.cross_entropy({0}, {2})", "F.l1_loss({0}, {1})"),
    *("F.cross_entropy({0}, {1}.softmax(1), label_smoothing=0.1)", "F.huber_loss({0}, {1})"),
    *("F.smooth_l1_loss({0}, {1}, beta=0.5)", "F.nll_loss({0}.log_softmax(1), {2})"),
    "F.kl_div({0}.log_softmax(1), {1}.softmax(1), reduction='batchmean')",
    "F.binary_cross_entropy_with_logits({0}, {1}.sigmoid(), pos_weight={1}[0].exp())",
    *("F.binary_cross_entropy({0}.sigmoid(), {1}.sigmoid())", "F.poisson_nll_loss({0}, {1}.exp())"),
    "F.multilabel_soft_margin_loss({0}, {1}.gt(0).to({1}))",
    *("F.gaussian_nll_loss({0}, {1}, {0}.exp())", "F.soft_margin_loss({0}, {1}.sign())"),
    *("F.hinge_embedding_loss({0}, {1}.sign())", "F.margin_ranking_loss({0}, {1}, {1}.sign())"),
    *("F.cosine_embedding_loss({0}, {1}, {1}[:, 0].sign())", "{0}.pow(2).sum().sqrt()"),
    *("F.triplet_margin_loss({0}, {1}, {1}.flip(0))", "F.cross_entropy({0}, {2}, {1}[0].exp())"),
    *("({0} - {1}).norm()", "({0} * {1}).sum().square()", "F.mse_loss({0}.softmax(1), {1})"),
    "F.ctc_loss({0}.log_softmax(1)[:, None], torch.tensor([[1, 2]]), (4,), (2,))",
    *("torch.cdist({0}, {1}).mean()", "F.mse_loss({0}, {1}, reduction='none').sum(1).max()"),
)
_ALL = "model.parameters()"
_NO_GRAD = "with torch.no_grad(): "
_LOSS = ("loss = model(x).square().mean()", "loss.backward()")

_HOOKS = (
    "handle = $m.register_forward_pre_hook(lambda m, a: (a[0] * 2,))",
    "handle = $m.register_forward_pre_hook(lambda m, a: note(a[0]))",
    "handle = $m.register_forward_hook(lambda m, a, y: y * 0.5)",
    "handle = $m.register_forward_hook(lambda m, a, y: note(y))",
    "handle = $m.register_full_backward_hook(lambda m, gx, gy: note(*gx, *gy))",
    "handle = $m.register_full_backward_pre_hook(lambda m, gy: (gy[0] * 3,))",
    (
        "handle = $m.register_full_backward_hook(lambda m, gx, gy: "
        "tuple(None if g is None else g * 2 for g in gx))"
    ),
    "handle = $p.register_hook(lambda g: g.clamp(-0.1, 0.1))",
    "handle = $p.register_hook(lambda g: note(g))",
    "handle = $p.register_post_accumulate_grad_hook(lambda p: note(p.grad))",
    "handle = $p.register_post_accumulate_grad_hook(lambda p: setattr(p, 'grad', p.grad * 2))",
    "model.register_load_state_dict_post_hook(lambda m, k: note(len(k.missing_keys)))",
    *("opt.register_step_post_hook(lambda o, a, k: note(1))", "handle.remove()", "handle.remove()"),
    (
        (
            "hs = [m.register_full_backward_hook(lambda m, gx, gy: note(*gx, *gy)) "
            "for m in model.modules()]"
        ),
        *_LOSS,
        "for h in hs: h.remove()",
    ),
)
_EDITS = (
    *(_NO_GRAD + f"[p.mul_(0.9) for p in {_ALL}]", _NO_GRAD + "$p.copy_($p * 0.9 + 0.01)"),
    *(_NO_GRAD + "$p.view(-1)[0] = 0.5", _NO_GRAD + "$p.clamp_(-0.5, 0.5)"),
    *(_NO_GRAD + f"torch._foreach_mul_(list({_ALL}), 0.9)", _NO_GRAD + "$p[..., 0].fill_(0.1)"),
    *("$p.data = $p.data * 0.5", "$p.data.mul_(0.5)", "$p.data[...] = 0.25"),
    *("$p.detach().mul_(0.5)", "nn.init.normal_($p, std=0.5)", "model[-1].reset_parameters()"),
    "model[-1].weight = nn.Parameter(model[-1].weight.detach() * 2)",
    *("model[-1].bias = None", "model.append(convert(nn.Linear(3, 3).to(dtype)))"),
    f"nn.utils.vector_to_parameters(nn.utils.parameters_to_vector({_ALL}) * 0.9, {_ALL})",
    *("$p.grad = None", "$p.grad = torch.ones_like($p)", "opt.zero_grad()"),
    ("$p.grad = $p.detach() * 0.1", "$p.grad.add_(1)"),
    ("$p.grad = $p * 0.1", "$p.grad.detach_()"),
    *("registered(model[-1], Exp())", "nn.utils.parametrizations.weight_norm(model[-1])"),
    "prune.l1_unstructured(model[-1], 'weight', 0.3)",
    *("model.half().to(dtype)", "model.to(memory_format=torch.channels_last)"),
)
_COPIES = (
    "model.load_state_dict(saved(model.state_dict()))",
    "model.load_state_dict(saved(model.state_dict()), assign=True)",
    "opt.load_state_dict(saved(opt.state_dict()))",
    "opt.load_state_dict(copy.deepcopy(opt.state_dict()))",
    *("kept = copy.deepcopy(model.state_dict())", "model.load_state_dict(kept)"),
    *("model, opt = copy.deepcopy((model, opt))", "model, opt = pickled((model, opt))"),
    ("copied = copy.deepcopy(model)", "loss = copied(x).square().mean()", "loss.backward()"),
    ("average = swa_utils.AveragedModel(model)", "average.update_parameters(model)"),
    (
        (
            "average = swa_utils.AveragedModel(model, use_buffers=True, "
            "multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))"
        ),
        "average.update_parameters(model)",
    ),
    ("swa_utils.update_bn([draws($size)], average)", "out = average(x)"),
    *("first = [copy.copy(p) for p in model.parameters()]", "first = pickled(list(opt.state))"),
    "first = [nn.Parameter(p) for p in model.parameters()]",
    "first = [p.detach().requires_grad_() for p in model.parameters()]",
    "first = [p.new_zeros(2) + p.sum() for p in model.parameters()]",
    (
        "twin = copy.deepcopy(model)",
        _NO_GRAD + "[a.lerp_(b, 0.5) for a, b in zip(twin.parameters(), model.parameters())]",
        "loss = F.mse_loss(model(x), twin(x).detach())",
        "loss.backward()",
    ),
)
_MODES = (
    *("model.requires_grad_(False)", "model.requires_grad_(True)", "model.requires_grad_(True)"),
    *("model[-1].requires_grad_(False)", "$p.requires_grad_(False)", "$p.requires_grad = True"),
    *("model.eval()", "model.train()", "model[0].eval()", "model.train()"),
    *("with torch.no_grad(): out = model(x)", "with torch.inference_mode(): seen = model(x)"),
    *("for g in opt.param_groups: g['lr'] = 0.02", "opt.state.clear()"),
    (
        "new = others(model, opt)",
        "new and opt.add_param_group({'params': new})",
    ),
)
_CALL = "torch.func.functional_call(model, ps, (x,))"
_OTHERS = (
    f"values = func.grad(lambda ps: {_CALL}.pow(2).sum())(dict(model.named_parameters()))",
    f"values = func.jacrev(lambda ps: {_CALL})(dict(model.named_parameters()))",
    "first = grad(model(x).sum(), list(model.parameters()), allow_unused=True)",
    ("with torch.autograd.set_detect_anomaly(True):\n    loss = model(x).sum(); loss.backward()",),
    (
        (
            "with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):\n"
            "    loss = model(x).sum()"
        ),
        "loss.backward()",
    ),
    (
        "with nn.utils.parametrize.cached(): loss = (model(x) + model(x * 2)).sum()",
        "loss.backward()",
    ),
    (
        "optimizer_of = {p: torch.optim.SGD([p], lr=0.01) for p in model.parameters()}",
        "def stepped(p): optimizer_of[p].step(); optimizer_of[p].zero_grad()",
        (
            "hs = [p.register_post_accumulate_grad_hook(stepped) for p in optimizer_of "
            "if p.requires_grad]"
        ),
        *_LOSS,
        "for h in hs: h.remove()",
    ),
    *[
        (
            "ps = {n: p.clone() for n, p in model.named_parameters()}",
            f"inner = torch.optim.{name}(list(ps.values()), lr=0.1, differentiable=True)",
            f"loss = {_CALL}.pow(2).mean()",
            "slopes = grad(loss, list(ps.values()), create_graph=True, allow_unused=True)",
            "for p, g in zip(ps.values(), slopes): p.grad = None if g is None else g.detach() * 2",
            "inner.step()",
            f"loss = {_CALL}.pow(2).mean()",
            "loss.backward()",
        )
        for name in ("SGD", "Adam", "NAdam")
    ],
    (
        "data = torch.utils.data.TensorDataset(x.detach(), target)",
        (
            "for a, b in torch.utils.data.DataLoader(data, 2):\n"
            "    opt.zero_grad(); loss = F.mse_loss(model(a), b); loss.backward()"
        ),
    ),
    ("out = model(x)", "out[0, 0].backward(retain_graph=True)", "out[1:].sum().backward()"),
    ("backward([model(x).sum() for _ in range(2)])",),
)
#: One kind is drawn, then one of its events.
KINDS = (_HOOKS, _HOOKS, _EDITS, _EDITS, _COPIES, _COPIES, _MODES, _OTHERS, _OTHERS)


def needs(lines: tuple[str, ...]) -> list[str]:
    """The names in ``lines`` that another event must have assigned."""
    text = "\n".join(lines)
    used = {"average": "average)", "kept": "(kept)", "handle": "handle.remove"}
    return [name for name, use in used.items() if use in text]
