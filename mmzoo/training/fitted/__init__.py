"""What is fitted in closed form or by trees, before or after the steps of gradient descent."""
