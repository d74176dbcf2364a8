using System.Text.Json;
using System.Text.RegularExpressions;
using EdgeSdk.Chat;
using EdgeSdk.Text;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public class AnswerReaderTests
{
    [Fact]
    public void Text_comes_as_it_is_written()
    {
        var reader = new AnswerReader("a");

        Assert.Equal("Hel", Assert.IsType<TextContent>(Assert.Single(reader.Append("Hel"))).Text);
        Assert.Equal("lo", Assert.IsType<TextContent>(Assert.Single(reader.Append("lo"))).Text);
        Assert.Empty(reader.Append(""));
        Assert.Empty(reader.End());
        Assert.False(reader.Calls);
    }

    [Fact]
    public void A_call_comes_once_it_is_whole()
    {
        var reader = new AnswerReader("a");
        Assert.Empty(reader.BeginCall());
        Assert.Empty(reader.Append("Weather_1_Get"));
        Assert.Empty(reader.Append("""{"city":"São José","days":3}"""));

        var call = Assert.IsType<FunctionCallContent>(Assert.Single(reader.End()));

        Assert.Equal("Weather_1_Get", call.Name);
        Assert.Equal("a-1", call.CallId);
        Assert.Equal("São José", Assert.IsType<JsonElement>(call.Arguments!["city"]).GetString());
        Assert.Equal(3, Assert.IsType<JsonElement>(call.Arguments["days"]).GetInt32());
        Assert.True(reader.Calls);
    }

    [Fact]
    public void Calls_behind_one_another_and_behind_text_come_apart()
    {
        var reader = new AnswerReader("a");
        var contents = new List<AIContent>();
        contents.AddRange(reader.Append("Both:"));
        contents.AddRange(reader.BeginCall());
        contents.AddRange(reader.Append("""A{"x":"1"}"""));
        contents.AddRange(reader.BeginCall());
        contents.AddRange(reader.Append("B{}"));
        contents.AddRange(reader.End());

        Assert.Equal("Both:", Assert.IsType<TextContent>(contents[0]).Text);
        Assert.Equal(["A", "B"], contents.Skip(1).Cast<FunctionCallContent>().Select(c => c.Name));
        Assert.Equal(["a-1", "a-2"], contents.Skip(1).Cast<FunctionCallContent>().Select(c => c.CallId));
    }

    [Fact]
    public void What_was_given_stays_as_it_was()
    {
        var reader = new AnswerReader("a");
        var text = reader.Append("One moment");
        var nothing = reader.BeginCall();
        reader.Append("A{}");
        var call = reader.End();

        Assert.Equal("One moment", Assert.IsType<TextContent>(Assert.Single(text)).Text);
        Assert.Empty(nothing);
        Assert.Single(call);
    }

    [Theory]
    [InlineData("""A{"x":""")]
    [InlineData("A{]")]
    public void Arguments_that_are_no_JSON_come_back_with_the_exception_that_says_so(string written)
    {
        var reader = new AnswerReader("a");
        reader.BeginCall();
        reader.Append(written);

        var call = Assert.IsType<FunctionCallContent>(Assert.Single(reader.End()));

        Assert.Equal("A", call.Name);
        Assert.IsType<FormatException>(call.Exception);
    }

    [Fact]
    public void A_server_that_renders_writes_the_call_token_out()
    {
        var reader = new AnswerReader("a");
        var contents = new List<AIContent>();
        contents.AddRange(reader.AppendRendered("One moment<|call|>A"));
        contents.AddRange(reader.AppendRendered("""{"x":"1"}<|call|>B{}"""));
        contents.AddRange(reader.End());

        Assert.Equal("One moment", Assert.IsType<TextContent>(contents[0]).Text);
        Assert.Equal(["A", "B"], contents.Skip(1).Cast<FunctionCallContent>().Select(c => c.Name));
    }

    [Fact]
    public void Where_one_call_is_allowed_the_second_ends_the_answer()
    {
        var reader = new AnswerReader("a", new AnswerLimits(null, OneCall: true));

        AIContent[] contents = [.. reader.AppendRendered("Look: <|call|>A{}<|call|>B{}"), .. reader.Append("more"), .. reader.BeginCall(), .. reader.End()];

        Assert.True(reader.IsOver);
        Assert.Equal("A", Assert.Single(contents.OfType<FunctionCallContent>()).Name);
        Assert.Equal("Look: ", Assert.Single(contents.OfType<TextContent>()).Text);
    }

    [Fact]
    public void Text_held_back_for_a_stop_sequence_comes_before_the_call_and_calls_may_hold_the_sequence()
    {
        var reader = new AnswerReader("a", new AnswerLimits(["}\n"], OneCall: false));

        AIContent[] contents = [.. reader.Append("So}"), .. reader.BeginCall(), .. reader.Append("A{\"b\":{}\n}"), .. reader.End()];

        Assert.Equal("So}", string.Concat(contents.OfType<TextContent>().Select(t => t.Text)));
        Assert.Null(Assert.Single(contents.OfType<FunctionCallContent>()).Exception);
        Assert.False(reader.IsOver);
    }

    [Theory]
    [InlineData("<think>\n one, \n two\n\n</think>\n\n three ", "one, \n two", "three ")]
    [InlineData("<think></think>three", "", "three")]
    [InlineData("three<think>one", "one", "three")]
    [InlineData("three</think>", "", "three")]
    [InlineData("<think>stop <|call|>Find{} here</think>one stop two", "stop <|call|>Find{} here", "one ")]
    public void Thoughts_are_told_apart_from_text_and_neither_calls_nor_stops_are_looked_for_in_them(string written, string thought, string text)
    {
        var borders = new ThoughtBorders(1, 2, "<think>", "</think>");
        var whole = new AnswerReader("a", new(["stop"], OneCall: false));
        var pieces = new AnswerReader("a", new(["stop"], OneCall: false));

        AIContent[] atOnce = [.. whole.AppendRendered(written, borders), .. whole.End()];
        AIContent[] inPieces = [.. Regex.Split(written, "(</?think>|<.call.>|.)", RegexOptions.Singleline).SelectMany(piece => pieces.AppendRendered(piece, borders)), .. pieces.End()];

        foreach (var contents in new[] { atOnce, inPieces })
        {
            Assert.Equal(thought, string.Concat(contents.OfType<TextReasoningContent>().Select(c => c.Text)));
            Assert.Equal(text, string.Concat(contents.OfType<TextContent>().Select(c => c.Text)));
        }

        Assert.False(whole.Calls);
    }

    [Fact]
    public void Thoughts_that_nobody_wants_are_left_out()
    {
        var reader = new AnswerReader("a", showsThoughts: false);

        var contents = reader.AppendRendered("<think>one</think>two", new ThoughtBorders(1, 2, "<think>", "</think>"));

        Assert.Equal("two", Assert.IsType<TextContent>(Assert.Single(contents)).Text);
    }
}
