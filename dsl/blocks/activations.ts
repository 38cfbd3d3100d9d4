/** Functions of each number by itself, made of mlac's own; a model's own are written in the same way. */
import { add, exp, log, mul, neg, relu, scale, shift, sigmoid, square, type Tensor, tanh } from "mlac";

/** Gaussian error linear unit in its tanh form: x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³))). Hendrycks and Gimpel 2016, arXiv 1606.08415. */
export const gelu = <S extends string>(x: Tensor<S>) => {
  const cube = mul(square(x), x);
  const inner = scale(add(x, scale(cube, 0.044715)), 0.7978845608028654);
  return mul(scale(x, 0.5), shift(tanh(inner), 1));
};

/** x · sigmoid(1.702·x), the quick approximation of gelu. */
export const quickGelu = <S extends string>(x: Tensor<S>) => mul(x, sigmoid(scale(x, 1.702)));

/** relu(x)². So et al. 2021, arXiv 2109.08668. */
export const squaredRelu = <S extends string>(x: Tensor<S>) => square(relu(x));

/** |x|. */
export const abs = <S extends string>(x: Tensor<S>) => add(relu(x), relu(neg(x)));

/** log(1 + e^x), written so that large x does not overflow. */
export const softplus = <S extends string>(x: Tensor<S>) => add(relu(x), log(shift(exp(neg(abs(x))), 1)));

/** x · tanh(softplus(x)). Misra 2019, arXiv 1908.08681. */
export const mish = <S extends string>(x: Tensor<S>) => mul(x, tanh(softplus(x)));

/** gelu(gate) · up, to be used as swiglu is. */
export const geglu = <S extends string>(gate: Tensor<S>, up: Tensor<NoInfer<S>>) => mul(gelu(gate), up);
