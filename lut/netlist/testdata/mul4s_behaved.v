/* A signed product with its lowest column cut, in expressions. */
module low(input signed [3:0] a, output signed [3:0] y);
  localparam N = 4, M = (N - 2) * 2;
  localparam [3:0] MASK = 4'b1110;
  (* keep = "yes" *) wire signed [M-1:0] w;
  assign y = w;
  assign w = a & MASK;
endmodule
module mul4s_behaved(input signed [3:0] A, input signed [3:0] B, output [7:0] Y);
  wire [3:0] x, \y+ ;
  low u(.y(x), .a(A)), v(B, \y+ );
  wire signed [7:0] p;
  assign p = $signed(x) * $signed({\y+ [3:1], 1'b0});
  assign Y = p + !A ^ ~8'hff;
endmodule
