// MAE = 0
// WCE% = 0.00 %
// PDK45_PWR = 0.012 mW
`timescale 1ns/1ps
// An exact array multiplier of 3×3 bits, of cells.
module mul3u_array ( A, B, O );
  input [2:0] A;
  input [2:0] B;
  output [5:0] O;
  wire s1, s2, c1, c2, c3, t1, t2, d1, d2;
  assign O[0] = A[0] & B[0];
  HAX1 u1 (.A(A[1] & B[0]), .B((A[0] & B[1])), .YS(O[1]), .YC(c1));
  FAX1 u2 (.A(A[2] & B[0]), .B(A[1] & B[1]), .C(c1), .YS(s1), .YC(c2));
  HAX1 u3 (.A(A[2] & B[1]), .B(c2), .YS(s2), .YC(c3));
  HAX1 u4 (s1, A[0] & B[2], O[2], d1);
  FAX1 u5 (s2, A[1] & B[2], d1, O[3], d2);
  FAX1 u6 (.A(c3), .B(A[2] & B[2]), .C(d2), .YS(O[4]), .YC(O[5]));
  assign {t2, t1} = {2{1'b0}};
endmodule
